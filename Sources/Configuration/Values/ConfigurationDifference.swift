/// How a configuration differs from the one before it, by the names of things.
public struct ConfigurationDifference: Sendable, Equatable, CustomStringConvertible {
  /// Things of one kind that have names.
  public struct Section: Sendable, Equatable {
    /// The key of `gateway.conf` that they are listed under.
    public var key: String
    /// The names that only the new configuration has.
    public var added: [String] = []
    /// The names that only the old configuration had.
    public var removed: [String] = []
    /// The names of those that are configured differently. The contents of files that they name are not compared.
    public var changed: [String] = []
    /// Whether those that stayed are in another order; only of routes, where it matters.
    public var isReordered = false

    var isEmpty: Bool { added.isEmpty && removed.isEmpty && changed.isEmpty && !isReordered }
  }

  /// The kinds of things in which something differs.
  public var sections: [Section] = []
  /// Other keys of the file whose values differ.
  public var keys: [String] = []

  /// Whether nothing differs.
  public var isEmpty: Bool { sections.isEmpty && keys.isEmpty }

  /// Names beyond these are counted.
  private static let namesMax = 5

  /// One line: `routes: 1 added (/new/**), 2 changed (/a, /b); limits`.
  public var description: String {
    if isEmpty { return "nothing" }
    return (sections.map(ConfigurationDifference.text) + keys).joined(separator: "; ")
  }

  private static func text(_ section: Section) -> String {
    var parts: [String] = []
    for (names, what) in [
      (section.added, "added"), (section.removed, "removed"), (section.changed, "changed"),
    ] where !names.isEmpty {
      let shown = names.prefix(namesMax).joined(separator: ", ")
      parts.append("\(names.count) \(what) (\(shown)\(names.count > namesMax ? ", …" : ""))")
    }
    if section.isReordered { parts.append("another order") }
    return "\(section.key): \(parts.joined(separator: ", "))"
  }
}

extension GatewayConfiguration {
  /// What differs from `old`.
  public func difference(from old: GatewayConfiguration) -> ConfigurationDifference {
    var difference = ConfigurationDifference()
    let sections = [
      GatewayConfiguration.section("listeners", old.listeners, listeners) { $0.address.written },
      // First come, first matched: the order is part of what they mean.
      GatewayConfiguration.section("routes", old.comparableRoutes, comparableRoutes, isOrdered: true) { $0.route.name },
      GatewayConfiguration.section("providers", old.providers, providers) { $0.name },
      GatewayConfiguration.section("upstreams", old.upstreams, upstreams) { $0.name },
    ]
    difference.sections = sections.filter { !$0.isEmpty }
    for (key, isSame) in [
      ("admin", admin == old.admin), ("otlp", otlp == old.otlp), ("workers", workers == old.workers),
      ("reload", reload == old.reload),
      ("log", log == old.log), ("limits", limits == old.limits), ("timeouts", timeouts == old.timeouts),
      ("trusted_proxies", trustedProxies == old.trustedProxies), ("forward_auth", forwardAuth == old.forwardAuth),
      ("revocations", revocations?.file == old.revocations?.file),
      ("case_insensitive_paths", caseInsensitivePaths == old.caseInsensitivePaths),
      ("protected_resources", comparableResources == old.comparableResources),
      ("tests", comparableTests == old.comparableTests),
    ] where !isSame {
      difference.keys.append(key)
    }
    return difference
  }

  private static func section<Thing: Equatable>(
    _ key: String, _ old: [Thing], _ new: [Thing], isOrdered: Bool = false, name: (Thing) -> String
  ) -> ConfigurationDifference.Section {
    var section = ConfigurationDifference.Section(key: key)
    let before = Dictionary(old.map { (name($0), $0) }) { first, _ in first }
    let after = Set(new.map(name))
    for thing in new {
      guard let earlier = before[name(thing)] else {
        section.added.append(name(thing))
        continue
      }
      if earlier != thing { section.changed.append(name(thing)) }
    }
    section.removed = old.map(name).filter { !after.contains($0) }
    if isOrdered {
      section.isReordered = old.map(name).filter { after.contains($0) } != new.map(name).filter { before[$0] != nil }
    }
    return section
  }

  /// A route without what depends on its neighbours: where it stands, and the numbers of what it names.
  private struct ComparableRoute: Equatable {
    var route: RouteConfiguration
    var providers: [String]
    var upstream: String?
  }

  private var comparableRoutes: [ComparableRoute] {
    routes.map { route in
      var comparable = ComparableRoute(route: route, providers: route.providers.map { providers[$0].name })
      comparable.route.position = Position(line: 1, column: 1)
      comparable.route.providers = []
      if case .upstream(let index) = route.destination {
        comparable.upstream = upstreams[index].name
        comparable.route.destination = .upstream(0)
      }
      return comparable
    }
  }

  private var comparableResources: [ProtectedResource] {
    protectedResources.map { resource in
      var comparable = resource
      comparable.name = (resource.name ?? "") + resource.providers.map { " " + providers[$0].name }.joined()
      comparable.providers = []
      return comparable
    }
  }

  private struct ComparableTest: Equatable {
    var test: PolicyTest
    var names: [String?]
  }

  private var comparableTests: [ComparableTest] {
    tests.map { test in
      var comparable = ComparableTest(
        test: test,
        names: [
          test.route.map { routes[$0].name }, test.upstream.map { upstreams[$0].name },
          test.identity?.provider.map { providers[$0].name },
        ])
      comparable.test.position = Position(line: 1, column: 1)
      comparable.test.route = nil
      comparable.test.upstream = nil
      comparable.test.identity?.provider = nil
      return comparable
    }
  }
}
