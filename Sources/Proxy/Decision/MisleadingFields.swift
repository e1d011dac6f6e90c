import Configuration
import HTTP
import Sockets

/// The fields that would make the application see another request than the one decided about, if another proxy forwards
/// it (SECURITY P-16, I-2), or hand it a token or a tunnel that it is not to have (SECURITY T-14, U-5). They are removed
/// on the way to the gateway's own upstreams, as are those that the route changes; here they cannot be, so the request is
/// refused.
struct MisleadingFields: Sendable {
  /// Identity headers and what is reserved, in any spelling.
  private let names: FieldNameSet
  /// Another path, method or sender.
  private let steering: FieldNameSet
  /// Fields in which these proxies state the target, or the method, of the request that they ask about.
  private let targetEchoes = FieldNameSet(["X-Original-URL", "X-Original-URI"])
  private let methodEchoes = FieldNameSet(["X-Original-Method"])

  /// - Parameter identity: The names of the identity headers of all routes.
  init(identity: [String]) {
    names = FieldNameSet(
      ReservedFields.names + ReservedFields.framing + identity, prefixes: ReservedFields.prefixes)
    steering = FieldNameSet(ReservedFields.path + ReservedFields.method + ReservedFields.sender + identity)
  }

  /// Whether the request contains one of them.
  ///
  /// - Parameters:
  ///   - head: The request that is asked about, parsed from `bytes`.
  ///   - upgrade: The protocol that it asks to go on in; nil if none.
  ///   - route: Its route, whose identity headers the proxy replaces with those of the response. Nobody removes what it
  ///     removes or sets.
  func areIn(_ head: RequestHead, _ bytes: Span<UInt8>, upgrade: [UInt8]?, on route: ActiveRoute) -> Bool {
    if let upgrade, !route.upgrades.contains(upgrade) { return true }
    if route.readsWebSocketProtocol, MisleadingFields.haveWebSocketToken(head, bytes) { return true }
    for index in head.fields.indices {
      let line = head.fields[index]
      if let changed = route.removedFields, changed.contains(bytes, line) { return true }
      guard line.known == .other else { continue }
      guard names.contains(bytes, line), !route.identityNames.contain(bytes, line) else { continue }
      // Proxies distinguish spellings that applications do not, and would not replace this one.
      if !MisleadingFields.isSpelledWithDashes(bytes, line.name) { return true }
      guard steering.contains(bytes, line) else { continue }
      let value = bytes.extracting(line.value.lowerBound..<line.value.upperBound)
      if targetEchoes.contains(bytes, line), MisleadingFields.isEcho(value, of: head, bytes) { continue }
      if methodEchoes.contains(bytes, line),
        Bytes.areEqual(value, bytes.extracting(head.method.lowerBound..<head.method.upperBound))
      {
        continue
      }
      return true
    }
    return false
  }

  /// Whether a token may be among the protocols of a WebSocket, as the gateway or another server reads them.
  private static func haveWebSocketToken(_ head: RequestHead, _ bytes: Span<UInt8>) -> Bool {
    for index in head.fields.indices
    where WebSocketToken.isAlike(bytes, head.fields[index]) && !isSpelledWithDashes(bytes, head.fields[index].name) {
      return true
    }
    do throws(WebSocketTokenError) {
      return try WebSocketToken(head, bytes) != nil
    } catch {
      return true
    }
  }

  private static func isSpelledWithDashes(_ bytes: Span<UInt8>, _ name: ByteRange) -> Bool {
    for index in name.lowerBound..<name.upperBound
    where bytes[index] != UInt8(ascii: "-") && FieldName.folded(bytes[index]) == UInt8(ascii: "-") { return false }
    return true
  }

  /// Whether the value is the target, or the URL of the target, byte for byte.
  private static func isEcho(_ value: Span<UInt8>, of head: RequestHead, _ bytes: Span<UInt8>) -> Bool {
    let target = bytes.extracting(head.target.lowerBound..<head.target.upperBound)
    guard value.count >= target.count else { return false }
    let start = value.count - target.count
    guard Bytes.areEqual(value.extracting(start..<value.count), target) else { return false }
    return start == 0 || isOrigin(value.extracting(0..<start))
  }

  /// Whether it has the form `https://example.com:8443`, with nothing that would begin a path, a query or a fragment.
  private static func isOrigin(_ text: Span<UInt8>) -> Bool {
    let count = text.count
    var authority: Int
    if count > 8, FieldText.isWord(text, ByteRange(0, 8), "https://") {
      authority = 8
    } else if count > 7, FieldText.isWord(text, ByteRange(0, 7), "http://") {
      authority = 7
    } else {
      return false
    }
    while authority < count {
      switch text[authority] {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "-"), UInt8(ascii: "_"),
        UInt8(ascii: ":"), UInt8(ascii: "["), UInt8(ascii: "]"):
        authority += 1
      default: return false
      }
    }
    return true
  }
}
