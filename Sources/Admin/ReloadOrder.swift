import Configuration
import JSON

/// What `POST /reload` asks for.
public struct ReloadOrder: Sendable, Equatable {
  /// How long the configuration is on trial; nil: as it says itself.
  public let canary: Duration?

  /// Of a body such as `{"canary": "10m"}`, or of none.
  ///
  /// - Throws: What is wrong with it.
  init(_ body: Span<UInt8>) throws(ReloadOrderFault) {
    if body.isEmpty {
      canary = nil
      return
    }
    let object = (try? JSON.parse(body))?.object
    guard let object, object.members.allSatisfy({ $0.name == "canary" }), let text = object["canary"]?.string,
      let duration = DurationText.parse(text), ReloadConfiguration.canaryRange.contains(duration)
    else { throw ReloadOrderFault(why: #"expected {"canary": "10m"}, 10s to 1d, or no body"#) }
    canary = duration
  }
}

struct ReloadOrderFault: Error {
  let why: String
}
