import Admin
import ArgumentParser
import Configuration
import Crypto
import HTTP
import Keys
import Sockets
import Telemetry
import Tokens

/// `portcullis keys list`
struct KeysListCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "list",
    abstract: "Lists each provider's keys, as they are published now and as a gateway has them in force.",
    discussion: """
      Keys that are fetched are fetched anew. Where the gateway at --admin, or at admin.address of --config, answers, \
      REMARK says which of them it does not have in force, and which it has that are not there any more: these have \
      no key in the list, but only their name. Where no gateway answers, the list says nothing of what is in force. AGE is the time since the key was made, or was first seen by the gateway \
      that is asked or by refresh.cache_file; - if unknown. USED is how many requests (with code_flow sign-ins too) \
      came with a token that the key verified, SHARE its share of its provider's requests, LAST how long ago the last \
      one came. They come from the gateway, which counts since it started and REMARKs which keys can go; with --log, or if no gateway answers, from the access log. Of a provider's own \
      keys the first one signs.
      """)

  @OptionGroup var file: ConfigurationOption
  @OptionGroup var misplaced: MisplacedConfiguration
  @Option(name: .long, help: ArgumentHelp("Only this provider.", valueName: "name"))
  var provider: String?
  @Option(
    name: .long, help: ArgumentHelp("The access log to count in; - is standard input.", valueName: "file"),
    completion: .file())
  var log: String?
  @Option(
    name: .long,
    help: ArgumentHelp(
      "The admin listener to ask: host:port, [::1]:port or unix:path.", valueName: "address"))
  var admin: AdminOption.AdminAddress?

  func validate() throws {
    if admin != nil, log != nil { throw ValidationError("either --admin or --log") }
  }

  func run() throws {
    let configuration = try ProviderOption.configuration(file.config)
    let providers = try ProviderOption.providers(of: configuration, named: provider)
    let uses = try uses(configuration)
    let now = WallClock.seconds
    var table = TextTable(Self.columns)
    var status = ExitCode.success
    // Issuers are waited for all at once.
    let fetched = try CurrentKeys(providers.filter(\.fetchesKeys))
    // One whose tokens are all introspected has no keys, and needs none.
    for configured in providers where configured.keys != .none {
      let current = configured.fetchesKeys ? fetched : try CurrentKeys([configured])
      let listing = current.listings.first { $0.provider == configured.name && $0.origin != nil }
      if let listing {
        let seen: Seen = listing.isOwn || configured.keyCacheFile != nil ? .isRemembered : .isNew
        for key in listing.keys { table.add(cells(of: key, listing, seen, uses, now)) }
      }
      let others = uses.keys(of: configured.name, besides: listing)
      for name in others { table.add(cells(ofKey: name, configured, isFetched: listing != nil, uses, now)) }
      if listing == nil, others.isEmpty, status != ExitStatus.configuration {
        status = current.hasUnusableFile ? ExitStatus.configuration : ExitStatus.unavailable
      }
      say(of: configured.name, current, hasKeys: listing != nil || !others.isEmpty)
    }
    if !uses.areOfGateway, providers.contains(where: \.fetchesKeys) {
      StandardError.print("no gateway has said what is in force: these are the keys that can be fetched now")
    }
    try StandardOutput.print(table.text)
    if status != .success { throw status }
  }

  private func say(of provider: String, _ current: CurrentKeys, hasKeys: Bool) {
    for remark in current.remarks where remark.provider == provider {
      StandardError.print("provider \"\(provider)\": \(remark.text)")
    }
    if !hasKeys {
      StandardError.print("provider \"\(provider)\": no keys: \(current.faults[provider] ?? "there are none")")
    } else if let fault = current.faults[provider] {
      StandardError.print("provider \"\(provider)\": not fetched now: \(fault)")
    }
  }

  /// - Parameter moment: RFC 3339, in UTC.
  private func age(since moment: String, _ now: UnixSeconds) -> String? {
    TimeText.parse(moment.prefix(19) + "Z").map { "\(Duration.seconds(max(now - $0, 0)).forPeople) ago" }
  }

  private static let columns = [
    "PROVIDER", "KID", "TYPE", "BITS", "ALG", "THUMBPRINT", "AGE", "USED", "SHARE", "LAST", "FROM", "REMARK",
  ]

  private func cells(
    of key: KeyListing.Key, _ listing: KeyListing, _ seen: Seen, _ uses: Uses, _ now: UnixSeconds
  ) -> [String] {
    let use = uses.use(of: key, listing)
    return [
      listing.provider, key.key.keyID.map { TextTable.shown($0) } ?? "-", key.key.typeName, "\(key.key.key.bits)",
      key.key.algorithm?.rawValue ?? "any", key.thumbprint ?? "-",
      firstSeen(key, seen, use).map { Duration.seconds(max(now - $0, 0)).forPeople } ?? "-",
      use.map { "\($0.count)" } ?? "-", use.map { ShareText.text($0.count, of: $0.total) } ?? "-",
      use?.last.flatMap { age(since: $0, now) } ?? "-",
      origin(listing, key), remark(use, uses.lacks(key, listing) ? "not in force" : nil),
    ]
  }

  /// Of a key that only the gateway has.
  private func cells(
    ofKey name: String?, _ provider: ProviderConfiguration, isFetched: Bool, _ uses: Uses, _ now: UnixSeconds
  ) -> [String] {
    let use = uses.use(provider: provider.name, name: name)
    // What could not be looked for is not missing.
    let difference = isFetched ? "in force, but not \(provider.fetchesKeys ? "published" : "in the files") now" : nil
    return [
      provider.name, name.map { TextTable.shown($0) } ?? "-", "-", "-", "-", "-",
      (use?.firstSeenAt).map { Duration.seconds(max(now - $0, 0)).forPeople } ?? "-",
      use.map { "\($0.count)" } ?? "-", use.map { ShareText.text($0.count, of: $0.total) } ?? "-",
      use?.last.flatMap { age(since: $0, now) } ?? "-", "the gateway", remark(use, difference),
    ]
  }

  private func remark(_ use: GatewayKeyUses.Use?, _ difference: String?) -> String {
    let parts = [difference, use?.remark].compactMap(\.self)
    return parts.isEmpty ? "-" : parts.joined(separator: "; ")
  }

  /// What `KeyListing.Key.firstSeenAt` says: this command has only just begun to look.
  private enum Seen { case isRemembered, isNew }

  /// In the future for one that was made ahead; nil: nobody remembers.
  private func firstSeen(_ key: KeyListing.Key, _ seen: Seen, _ use: GatewayKeyUses.Use?) -> UnixSeconds? {
    guard seen == .isRemembered else { return use?.firstSeenAt }
    return min(key.firstSeenAt, use?.firstSeenAt ?? key.firstSeenAt)
  }

  private func origin(_ listing: KeyListing, _ key: KeyListing.Key) -> String {
    switch listing.origin {
    case .network(let url): url.description
    case .copy(let path): path
    case .file(let path), .ownFolder(let path): key.file ?? path
    case nil: "-"
    }
  }

  /// Who has counted.
  private enum Uses {
    case nobody
    case gateway(GatewayKeyUses)
    case log(KeyUses)

    var areOfGateway: Bool { if case .gateway = self { true } else { false } }

    /// The names of keys that a gateway has in force and the list has not.
    func keys(of provider: String, besides listing: KeyListing?) -> [String?] {
      guard case .gateway(let uses) = self, let names = uses.keys(of: provider) else { return [] }
      let listed = Set((listing?.keys ?? []).map { $0.key.keyID ?? $0.thumbprint })
      return names.filter { !listed.contains($0) }
    }

    /// Whether it is known that the key is not in force.
    func lacks(_ key: KeyListing.Key, _ listing: KeyListing) -> Bool {
      guard case .gateway(let uses) = self, let names = uses.keys(of: listing.provider) else { return false }
      return !names.contains(key.key.keyID ?? key.thumbprint)
    }

    func use(provider: String, name: String?) -> GatewayKeyUses.Use? {
      if case .gateway(let uses) = self { uses.use(provider: provider, name: name) } else { nil }
    }

    func use(of key: KeyListing.Key, _ listing: KeyListing) -> GatewayKeyUses.Use? {
      switch self {
      case .nobody: return nil
      case .gateway(let uses): return uses.use(provider: listing.provider, name: key.key.keyID ?? key.thumbprint)
      case .log(let uses):
        let all = uses.use(provider: listing.provider)
        // A secret that others sign with has no name, and answers to each.
        let isNameless = if case .secret = key.key.key.material { key.key.keyID == nil } else { false }
        let use = isNameless ? all : uses.use(provider: listing.provider, keyID: key.key.keyID)
        return GatewayKeyUses.Use(count: use.count, total: all.count, last: use.last, firstSeenAt: nil, remark: nil)
      }
    }
  }

  private func uses(_ configuration: GatewayConfiguration) throws -> Uses {
    if log == nil, let address = admin?.address ?? configuration.admin?.address {
      let name = admin?.text ?? "the admin listener of \(file.config)"
      do {
        let uses = try GatewayKeyUses.ask(at: address)
        StandardError.print("\(name): used since \(TerminalText.escaped(uses.since))")
        return .gateway(uses)
      } catch {
        StandardError.print("\(name): \(error)")
        if admin != nil { throw ExitStatus.unavailable }
      }
    }
    return try usesOfLog(configuration).map { .log($0) } ?? .nobody
  }

  /// nil: there is no log to count in.
  private func usesOfLog(_ configuration: GatewayConfiguration) throws -> KeyUses? {
    let path: String
    if let log {
      path = log == "-" ? "/dev/stdin" : log
    } else {
      guard case .file(let file) = configuration.log.access else { return nil }
      path = file
    }
    do throws(SystemError) {
      return try KeyUses(log: path)
    } catch {
      // A gateway that has not run yet has no log.
      if log == nil { return nil }
      StandardError.print("\(error)")
      throw ExitStatus.noInput
    }
  }
}

extension KeyListing {
  /// Whether the gateway makes the keys, whose files say when.
  fileprivate var isOwn: Bool { if case .ownFolder = origin { true } else { false } }
}
