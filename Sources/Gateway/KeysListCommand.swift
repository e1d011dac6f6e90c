import ArgumentParser
import Configuration
import Crypto
import Keys
import Sockets
import Tokens

/// `portcullis keys list`
struct KeysListCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "list", abstract: "Lists each provider's keys in force, and the ones that are not used.",
    discussion: """
      Keys that are fetched are fetched now. AGE is since the key was first seen (refresh.cache_file remembers it), or \
      made. USED is how many requests of the access log came with a token that the key verified: of the file that \
      log.access names, or of --log. Of a provider's own keys the first one signs.
      """)

  @OptionGroup var file: ConfigurationOption
  @Option(name: .long, help: ArgumentHelp("One provider only.", valueName: "name"))
  var provider: String?
  @Option(
    name: .long, help: ArgumentHelp("The access log to count in; - is standard input.", valueName: "file"),
    completion: .file())
  var log: String?

  func run() throws {
    let configuration = try ProviderOption.configuration(file.config)
    let providers = try ProviderOption.providers(of: configuration, named: provider)
    let uses = try uses(configuration)
    let now = WallClock.nanoseconds / 1_000_000_000
    var table = TextTable(["PROVIDER", "KID", "TYPE", "BITS", "ALG", "THUMBPRINT", "AGE", "USED", "FROM"])
    var status = ExitCode.success
    // Issuers are waited for all at once.
    let fetched = try CurrentKeys(providers.filter(\.fetchesKeys))
    // One whose tokens are all introspected has no keys, and needs none.
    for configured in providers where configured.keys != .none {
      let current = configured.fetchesKeys ? fetched : try CurrentKeys([configured])
      let listing = current.listings.first { $0.provider == configured.name && $0.origin != nil }
      if let listing {
        for key in listing.keys { table.add(cells(of: key, listing, uses, now)) }
      } else if status != ExitStatus.configuration {
        status = current.hasUnusableFile ? ExitStatus.configuration : ExitStatus.unavailable
      }
      say(of: configured.name, current, hasKeys: listing != nil)
    }
    print(table.text)
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

  private func cells(
    of key: KeyListing.Key, _ listing: KeyListing, _ uses: KeyUses?, _ now: UnixSeconds
  ) -> [String] {
    [
      listing.provider, key.key.keyID.map { TextTable.shown($0) } ?? "-", key.key.typeName, "\(key.key.key.bits)",
      key.key.algorithm?.rawValue ?? "any", key.thumbprint ?? "-",
      // One that was made ahead has its time before it.
      Duration.seconds(max(now - key.firstSeenAt, 0)).forPeople,
      uses.map { "\(count($0, key, listing))" } ?? "-", origin(listing, key),
    ]
  }

  /// A secret that others sign with has no name, and answers to each.
  private func count(_ uses: KeyUses, _ key: KeyListing.Key, _ listing: KeyListing) -> Int {
    if case .secret = key.key.key.material, key.key.keyID == nil { return uses.count(provider: listing.provider) }
    return uses.count(provider: listing.provider, keyID: key.key.keyID)
  }

  private func origin(_ listing: KeyListing, _ key: KeyListing.Key) -> String {
    switch listing.origin {
    case .network(let url): url
    case .copy(let path): path
    case .file(let path), .ownFolder(let path): key.file ?? path
    case nil: "-"
    }
  }

  /// nil: there is no log to count in.
  private func uses(_ configuration: GatewayConfiguration) throws -> KeyUses? {
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
