import Access
import HTTP

/// What a configuration allows that is probably not meant: warnings for its author. Those that are found here are of its
/// routes, each with a request that shows it.
public struct RouteReview: Sendable {
  /// At most 500, and one more that says so if there are others.
  public private(set) var warnings: [Diagnostic] = []
  let evaluator: RequestEvaluator
  let patterns: [RoutePattern]
  let witnesses: RouteWitnesses
  /// The patterns, grouped by their rules.
  let index: RoutePatternIndex
  /// The same of the patterns as they are where the case of letters in paths makes no difference.
  let foldedIndex: RoutePatternIndex
  /// How many requests may still be tried that are not the plainest of two routes.
  var triesLeft = 1_000_000
  /// Routes with equal rules have the same number.
  let ruleNumbers: [Int]
  /// Which routes let a request without a token pass.
  let isOpen: [Bool]
  /// Whether any route keeps spellings of paths that are refused by default.
  private let keepsSpellings: Bool

  private var configuration: GatewayConfiguration { evaluator.configuration }
  var routes: [RouteConfiguration] { evaluator.configuration.routes }

  /// Reviews a configuration: `warnings` are complete afterwards.
  public init(_ configuration: GatewayConfiguration) {
    evaluator = RequestEvaluator(configuration)
    patterns = configuration.routes.map(\.pattern)
    witnesses = RouteWitnesses(patterns)
    var numbers: [AccessRule: Int] = [:]
    var index = RoutePatternIndex()
    var foldedIndex = RoutePatternIndex()
    let folds = !configuration.caseInsensitivePaths.isEmpty
    ruleNumbers = configuration.routes.enumerated().map { route, configuration in
      let number = numbers[configuration.rule] ?? numbers.count
      numbers[configuration.rule] = number
      index.insert(configuration.pattern, route: route, group: number)
      if folds { foldedIndex.insert(configuration.pattern.foldingCase, route: route, group: number) }
      return number
    }
    self.index = index
    self.foldedIndex = foldedIndex
    isOpen = configuration.routes.map { RouteReview.isOpen($0.rule) }
    keepsSpellings = configuration.routes.contains { !$0.pathTraitsKept.isEmpty }
    // The first request that reaches each route; nil if none does.
    let reached = configuration.routes.indices.map { index in
      witnesses.requests(of: configuration.routes[index].pattern).first { takes($0) == index }
    }
    for warning in configuration.warnings { add(warning) }
    reportUntrustedPeers()
    let tested = Set(configuration.tests.compactMap { evaluator.route($0.request).route })
    for index in configuration.routes.indices where !isFull {
      guard let request = reached[index] else {
        warn(index, "this route never matches: earlier routes together match all of its requests")
        continue
      }
      if let tried = routes[index].rule.tried, routes[index].rule.requirement.isEmpty {
        let whom =
          if case .share(let percentage) = tried.enforcement { "\(percentage)% of the senders" } else { "nobody" }
        warn(index, "this route requires nothing: what it tries is enforced for \(whom)")
      }
      reportProtectedArea(around: index, request)
      reportOtherSpellings(of: request, by: index)
      reportForwardedPath(by: index)
      reportOtherMethods(of: request, beside: index)
      reportOverlaps(of: index)
      if !configuration.tests.isEmpty, !tested.contains(index) {
        warn(index, "no test covers this route: \(text(request, at: patterns[index].host)) would")
      }
    }
  }

  /// The sign-in pages are forwarded to the gateway by the proxy that asks it about all other requests: unless that
  /// proxy is trusted, all of its clients appear to have its address.
  private mutating func reportUntrustedPeers() {
    guard let asked = configuration.forwardAuth, let pages = configuration.providers.compactMap(\.signInPages).first
    else { return }
    let trusted = configuration.trustedProxies
    let areTrusted = asked.peers.blocks.allSatisfy { block in trusted.blocks.contains { block.isWithin($0) } }
    guard !areTrusted || (asked.peers.unixPeers && !trusted.unixPeers) else { return }
    add(
      Diagnostic(
        file: configuration.file, position: asked.position,
        message: """
          not all of these proxies are in "trusted_proxies": all who sign in through one of them (\(pages.path)/…) \
          share its address, and too many wrong passwords from anyone lock all of them out
          """))
  }

  /// A route with `methods` leaves the other methods of its path to later routes: if such a route is less strict and
  /// covers more paths, that is probably not meant. It is common for reading to be open to more clients than writing.
  private mutating func reportOtherMethods(of request: RouteWitness, beside index: Int) {
    let methods = patterns[index].methods
    guard !methods.isEmpty, !isOpen[index] else { return }
    for method in ["POST", "PUT", "PATCH", "DELETE"] where !methods.contains(method) {
      let other = RouteWitness(method: method, host: request.host, path: request.path)
      guard let route = takes(other), !haveOnePath(route, index),
        routes[route].destination == routes[index].destination, case .upstream = routes[route].destination,
        isOpen[route] || (methods.contains("GET") && requiresLess(route, than: index))
      else { continue }
      warn(
        index,
        """
        \(text(other, at: patterns[index].host)) is \(isOpen[route] ? "open to everyone" : "asked for less") by \(place(of: route)): \
        this route is for \(methods.joined(separator: ", ")) alone
        """)
      return
    }
  }

  /// Whether their paths are the same, as requests for `index` are matched.
  private func haveOnePath(_ route: Int, _ index: Int) -> Bool {
    guard isFolded(patterns[index].host) else { return patterns[route].path == patterns[index].path }
    return patterns[route].foldingCase.path == patterns[index].foldingCase.path
  }

  func requiresLess(_ route: Int, than other: Int) -> Bool {
    routes[route].rule.requirement.isEmpty && !routes[other].rule.requirement.isEmpty
  }

  /// A route that keeps what is refused by default may take a path that its server interprets as another route's
  /// (SECURITY P-3): `//admin/x` where `/admin/x` has a rule.
  private mutating func reportOtherSpellings(of request: RouteWitness, by index: Int) {
    guard keepsSpellings, !isOpen[index], case .upstream = routes[index].destination else { return }
    for (key, spellings) in RouteReview.otherSpellings(of: request.path) {
      for spelling in spellings {
        let other = RouteWitness(method: request.method, host: request.host, path: spelling)
        let routed = evaluator.route(EvaluatedRequest(method: other.method, host: other.host, target: other.path))
        guard let route = routed.route, routed.refusal == nil, ruleNumbers[route] != ruleNumbers[index],
          routes[route].destination == routes[index].destination
        else { continue }
        warn(
          route,
          """
          "\(key): keep" makes this route match \(text(other, at: patterns[index].host)), which is \(request.path) to servers that do not keep \
          it: that is \(place(of: index)), whose rule differs
          """)
        break
      }
    }
  }

  /// Spellings that many servers take for the same path, by the key that makes a route accept them: with each slash
  /// doubled, as it is or encoded, or encoded itself, and with a parameter at the end of each segment.
  private static func otherSpellings(of path: String) -> [(key: String, paths: [String])] {
    var (doubled, encoded, parameters): ([String], [String], [String]) = ([], [], [])
    for index in path.indices {
      let rest = path[path.index(after: index)...]
      if path[index] == "/" {
        doubled.append("\(path[..<index])//\(rest)")
        encoded.append("\(path[..<index])/%2F\(rest)")
        if index > path.startIndex { encoded.append("\(path[..<index])%2F\(rest)") }
      } else if rest.isEmpty || rest.first == "/" {
        parameters.append("\(path[...index]);x\(rest)")
      }
    }
    return [("double_slashes", doubled), ("encoded_slashes", encoded), ("path_parameters", parameters)]
  }

  func takes(_ request: RouteWitness) -> Int? {
    evaluator.route(EvaluatedRequest(method: request.method, host: request.host, target: request.path)).route
  }

  mutating func warn(_ route: Int, _ message: String) {
    add(Diagnostic(file: configuration.file, position: routes[route].position, message: message))
  }

  private mutating func add(_ warning: Diagnostic) {
    if isFull { return }
    let isOneTooMany = warnings.count == RouteReview.warningsMax
    let more = "there are more: only the first \(warnings.count) warnings are shown"
    warnings.append(isOneTooMany ? Diagnostic(file: warning.file, position: warning.position, message: more) : warning)
  }

  private var isFull: Bool { warnings.count > RouteReview.warningsMax }

  /// Reports the first later route that is not open to everyone and whose path contains that of this open one, whatever
  /// their methods. A route for all paths does not count.
  private mutating func reportProtectedArea(around index: Int, _ request: RouteWitness) {
    guard isOpen[index] else { return }
    for view in views(of: index) {
      var first: Int?
      (view.isFolded ? foldedIndex : self.index).forEachCovering(view.pattern) { other in
        if other > index, other < first ?? .max, patterns[other].path != .everything, !isOpen[other] { first = other }
      }
      // At another host than that of `request` it may be out of reach.
      guard let first,
        let example = view.pattern.host == patterns[index].host
          ? request : witnesses.requests(of: view.pattern).first(where: { takes($0) == index })
      else { continue }
      let shown = text(example, at: view.pattern.host)
      warn(index, "open to everyone inside \(place(of: first)), which is not: \(shown)")
      return
    }
  }

  /// How a route's requests are matched at some of its hosts.
  private struct View {
    let pattern: RoutePattern
    let isFolded: Bool
  }

  /// At all of its hosts; and where the case of letters in paths makes a difference at some of them alone, at the first
  /// few of the others.
  private func views(of index: Int) -> [View] {
    let pattern = patterns[index]
    if isFolded(pattern.host) { return [View(pattern: pattern.foldingCase, isFolded: true)] }
    var views = [View(pattern: pattern, isFolded: false)]
    for host in configuration.caseInsensitivePaths where pattern.host.covers(host) && views.count <= 8 {
      var narrowed = pattern.foldingCase
      narrowed.host = host
      views.append(View(pattern: narrowed, isFolded: true))
    }
    return views
  }

  /// Whether the case of letters in paths makes no difference at any of these hosts.
  func isFolded(_ host: HostPattern) -> Bool {
    configuration.caseInsensitivePaths.contains { $0.covers(host) }
  }

  private static func isOpen(_ rule: AccessRule) -> Bool {
    var rule = rule
    rule.tried = nil
    do throws(Refusal) {
      try rule.check(nil, RequestFacts(path: [], now: 0))
      return true
    } catch {
      return false
    }
  }

  /// Reports later routes with other rules that take some of the same requests: only their order determines which one
  /// decides. A part in front of its whole, by host and path, is how exceptions are written.
  private mutating func reportOverlaps(of index: Int) {
    var told: Set<Int> = []
    for view in views(of: index) {
      let places = view.isFolded ? foldedIndex : self.index
      let part = view.isFolded ? patterns[index].foldingCase : patterns[index]
      for other in places.overlapping(view.pattern, after: index, otherThan: ruleNumbers[index])
      where !told.contains(other) {
        let pattern = view.isFolded ? patterns[other].foldingCase : patterns[other]
        var whole = pattern
        whole.methods = []
        // Their methods may differ.
        guard !whole.covers(part), let request = request(of: view.pattern, and: pattern, takenBy: index) else {
          continue
        }
        told.insert(other)
        let example = text(request, at: view.pattern.host, pattern.host)
        warn(other, "\(example) is decided by \(place(of: index)), whose rule differs, not by this route")
        if isFull { return }
      }
    }
  }

  /// The first request of both that `index` takes; nil if there is none.
  private mutating func request(
    of left: RoutePattern, and right: RoutePattern, takenBy index: Int
  ) -> RouteWitness? {
    for (number, request) in witnesses.requests(of: left, and: right).enumerated() {
      if number > 0 {
        if triesLeft == 0 { return nil }
        triesLeft -= 1
      }
      if takes(request) == index { return request }
    }
    return nil
  }

  func place(of route: Int) -> String { "the route on line \(routes[route].position.line)" }

  /// - Parameter hosts: Those of the routes that the request is an example for.
  func text(_ request: RouteWitness, at hosts: HostPattern...) -> String {
    // A host that any pattern matches adds nothing.
    let plain = RouteWitness(method: request.method, host: EvaluatedRequest.anyHost, path: request.path)
    let isPlain = hosts.allSatisfy { $0.covers(.exact(plain.host)) } && takes(request) == takes(plain)
    return "\(request.method) \(isPlain ? "" : request.host)\(request.path)"
  }

  /// A longer list would not be read; that there are more is a warning of its own.
  private static let warningsMax = 500
}
