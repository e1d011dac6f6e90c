import Configuration
import Fetch
import JSON
import Tokens

/// How much each key is used, as a gateway that runs has counted it: what its `/status` says of keys.
struct GatewayKeyUses {
  /// Of one key.
  struct Use {
    let count: UInt64
    /// Of all tokens of its provider.
    let total: UInt64
    /// RFC 3339; nil: never.
    let last: String?
    /// When the gateway first saw the key; nil: it does not say.
    let firstSeenAt: UnixSeconds?
    /// nil: there is nothing to say.
    let remark: String?
  }

  private struct Key: Hashable {
    let provider: String
    /// nil: a secret without a name.
    let name: String?
  }

  private var uses: [Key: Use] = [:]
  private var names: [String: [String?]] = [:]
  /// From when on they are counted, RFC 3339.
  private(set) var since = ""

  /// - Returns: nil where that is no status of a gateway of this version.
  init?(status: JSONObject) {
    guard let providers = status["providers"]?.array else { return nil }
    for provider in providers.compactMap(\.object) {
      guard let name = provider["name"]?.string, let tokens = provider["tokens"]?.object,
        let since = tokens["since"]?.string, case .integer(let total)? = tokens["count"]
      else { return nil }
      self.since = since
      names[name] = []
      for use in (tokens["uses"]?.array ?? []).compactMap(\.object) where use["of"]?.string == "key" {
        guard case .integer(let count)? = use["count"] else { return nil }
        names[name]?.append(use["value"]?.string)
        uses[Key(provider: name, name: use["value"]?.string)] = Use(
          count: UInt64(clamping: count), total: UInt64(clamping: total), last: use["last"]?.string,
          firstSeenAt: use["first_seen"]?.string.flatMap { TimeText.parse($0) }, remark: use["remark"]?.string)
      }
    }
  }

  /// Asks the gateway, and blocks until the response is there.
  static func ask(at address: ListenAddress) throws -> GatewayKeyUses {
    let response = try AdminQuery.ask("/status", at: address)
    guard response.status == 200, let status = (try? JSON.parse(response.body.span, depthMax: 80))?.object,
      let uses = GatewayKeyUses(status: status)
    else { throw AdminQuery.UnknownResponse() }
    return uses
  }

  /// The keys that it has in force of a provider, by their names: as `use` takes them.
  ///
  /// - Returns: nil where it does not have that provider.
  func keys(of provider: String) -> [String?]? { names[provider] }

  /// - Parameter name: As the gateway calls it: the `kid`, or else the thumbprint.
  /// - Returns: nil where it does not have that key.
  func use(provider: String, name: String?) -> Use? { uses[Key(provider: provider, name: name)] }
}
