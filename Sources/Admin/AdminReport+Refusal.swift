public import Access
public import JSON
public import Reason
import Sockets
import Telemetry

extension AdminReport {
  /// `/requests/ID`: the access line of the refusal with that id, and why it was; nil: it is not remembered.
  ///
  /// Who sends a request through a trusted proxy may choose its id, and choose somebody else's: that of who is known
  /// goes first.
  func refusal(ofRequest id: String) -> JSONObject? {
    let name = Array(JSONValue.quoted(id).utf8)
    var found: [(line: JSONObject, decided: DecidedRequest?)] = []
    for kind in RecentRefusals.Kind.allCases {
      for refusal in refused.filter({ $0.kind == kind }).flatMap(\.latestFirst)
      where Bytes.contains(refusal.line.span, name.span) {
        guard let line = object(refusal.line), line["request_id"]?.string == id else { continue }
        found.append((line, refusal.decided))
      }
    }
    return found.first.map { explained($0.line, $0.decided, sameID: found.count) }
  }

  private func explained(_ line: JSONObject, _ decided: DecidedRequest?, sameID: Int) -> JSONObject {
    var members = line.members
    let provider = line["provider"]?.string.flatMap { name in providers.first { $0.name == name } }
    if let reason = line["reason"]?.string.flatMap(Reason.init(rawValue:)) {
      let revoker = line["revoked_by"]?.string.flatMap(Revoker.init(rawValue:))
      members += reason.story(
        isTried: line["tried"] != nil, revokedBy: revoker, isOfSignIn: provider?.hasSignIn == true)
    }
    if !isPublic, let decided {
      members.append(.init(name: "checks", value: .array(decided.findings.map { $0.document(textMax: 512) })))
    }
    if let provider, let keys = provider.keys {
      members.append(
        .init(
          name: "key_set",
          value: .object([
            "keys": .integer(Int64(keys)),
            "fetched": provider.fetchedAtSeconds.map { .string(Timestamp.text(Int64($0 * 1e9))) } ?? .null,
            "failures": .integer(Int64(provider.failures)), "remote": .bool(provider.areRemote),
          ])))
    }
    if sameID > 1 { members.append(.init(name: "same_id", value: .integer(Int64(sameID)))) }
    members.append(.init(name: "config_in_force", value: .integer(Int64(clamping: generation))))
    return JSONObject(members) ?? line
  }

  /// What is said where no refusal of an id is remembered: how far back the memory goes, by kind.
  var memory: JSONObject {
    [
      "error": .string("not_remembered"),
      "remembered": .array(
        RecentRefusals.Kind.allCases.map { kind in
          let parts = refused.filter { $0.kind == kind }
          return .object([
            "kind": .string(kind.rawValue), "count": .integer(Int64(parts.reduce(0) { $0 + $1.latestFirst.count })),
            "since": .string(since(parts)),
          ])
        }),
    ]
  }

  /// From when on none of these was forgotten, on any loop.
  private func since(_ parts: [RecentRefusals.Part]) -> String {
    let oldest = parts.filter(\.isFull).compactMap { part in
      part.latestFirst.last.flatMap { object($0.line) }?["time"]?.string
    }
    return oldest.max() ?? Timestamp.text(Int64(startedAtSeconds * 1e9))
  }
}

extension Finding {
  /// As JSON, with what it is made of.
  ///
  /// - Parameter textMax: Characters of a text at most; nil: as they are.
  public func document(textMax: Int? = nil) -> JSONValue {
    func text(_ text: String) -> JSONValue {
      guard let textMax, text.count > textMax else { return .string(text) }
      return .string(text.prefix(textMax) + "…")
    }
    var members: [JSONObject.Member] = [
      .init(name: "expected", value: text(expected)), .init(name: "found", value: text(found)),
      .init(name: "holds", value: .bool(holds)),
      .init(name: "reason", value: reason.map { .string($0.rawValue) } ?? .null),
      .init(name: "inner", value: .array(inner.map { $0.document(textMax: textMax) })),
    ]
    if isTried { members.append(.init(name: "tried", value: .bool(true))) }
    return JSONObject(members).map { .object($0) } ?? .null
  }
}

extension Reason {
  /// `meaning` and `advice`, as `/requests/ID` and `portcullis why` have them.
  ///
  /// - Parameters:
  ///   - isTried: Whether it is by what the route or the provider tries that the request was refused.
  ///   - revoker: What has revoked the credential, which is said in place of what may have; nil: that is not why.
  ///   - isOfSignIn: Whether the token's provider has `sign_in`.
  public func story(isTried: Bool, revokedBy revoker: Revoker?, isOfSignIn: Bool) -> [JSONObject.Member] {
    [
      .init(name: "meaning", value: .string(revoker?.meaning ?? meaning(isTried: isTried))),
      .init(name: "advice", value: .string(revoker?.advice ?? (isOfSignIn ? adviceOfSignIn : advice))),
    ]
  }

  /// What it means.
  ///
  /// - Parameter isTried: Whether it is by what the route or the provider tries that the request was refused.
  public func meaning(isTried: Bool) -> String {
    isTried
      ? "\(meaning) It is the `try` of the route, or of the token's provider, which is enforced for a share of the senders; what "
        + "the route itself requires is met."
      : meaning
  }
}
