public import Reason

/// A request to go on in another protocol (RFC 9110 §7.8), in one that may be asked for.
public struct UpgradeRequest: Sendable {
  /// The protocol as the request names it.
  public let name: [UInt8]
  /// What Sec-WebSocket-Key holds, where the protocol is WebSocket.
  public let webSocketKey: [UInt8]?
  /// The protocols that the server is offered, where `bearer` and a token were taken away; nil: it gets what the client
  /// sent.
  public private(set) var otherProtocols: [UInt8]?

  /// Nil where the request asks for nothing, or for nothing among `protocols`: then it is answered in HTTP. So are those
  /// that bring a body or are no GET: where their body ends and the other protocol begins, peers do not agree.
  ///
  /// - Parameter protocols: In lower case.
  /// - Throws: `upgradeInvalid`, of a WebSocket handshake that RFC 6455 §4.2.1 does not allow.
  public init?(_ head: borrowing RequestHead, _ bytes: Span<UInt8>, among protocols: [[UInt8]]) throws(UpgradeError) {
    guard head.asksForUpgrade, head.upgradeCount == 1, head.knownMethod == .get, head.version == .http11,
      head.bodyFraming == .none
    else { return nil }
    let value = head.fields[head.upgradeLine].value
    var lowered: [UInt8] = []
    for index in value.lowerBound..<value.upperBound { lowered.append(ByteClass.lowered(bytes[index])) }
    guard protocols.contains(lowered) else { return nil }
    name = lowered
    webSocketKey = lowered.elementsEqual("websocket".utf8) ? try UpgradeRequest.webSocketKey(head, bytes) : nil
  }

  /// Version 13, and a key of 16 bytes in base64.
  private static func webSocketKey(
    _ head: borrowing RequestHead, _ bytes: Span<UInt8>
  ) throws(UpgradeError) -> [UInt8] {
    var keys: [ByteRange] = []
    var versions: [ByteRange] = []
    for index in head.fields.indices {
      let line = head.fields[index]
      if FieldText.isWord(bytes, line.name, "sec-websocket-key") {
        keys.append(line.value)
      } else if FieldText.isWord(bytes, line.name, "sec-websocket-version") {
        versions.append(line.value)
      }
    }
    guard keys.count == 1, versions.count == 1, FieldText.isWord(bytes, versions[0], "13"), keys[0].count == 24 else {
      throw UpgradeError()
    }
    let key = [UInt8](bytes, keys[0])
    // 22 digits, of the last only 4 bits, and two signs of padding.
    let isKey = key.prefix(22).allSatisfy { base64.contains($0) } && key.suffix(2).elementsEqual("==".utf8)
    guard isKey, "AQgw".utf8.contains(key[21]) else { throw UpgradeError() }
    return key
  }

  private static let base64 = [UInt8]("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

  /// The server is not to see the token among the protocols.
  public mutating func takeAway(_ token: WebSocketToken) { otherProtocols = token.otherProtocols }

  /// Whether a `101` chooses no protocol, where a client that has offered some is to read `bearer`: browsers fail what
  /// chooses none of theirs (RFC 6455 §4.1).
  public func choosesBearer(_ head: borrowing ResponseHead, _ bytes: Span<UInt8>) -> Bool {
    guard otherProtocols != nil else { return false }
    return !head.fields.contains { WebSocketToken.isField(bytes, $0) }
  }

  /// Whether a protocol that is chosen is one that was offered; what the server was not offered is not for the client.
  private func isOffered(_ head: borrowing ResponseHead, _ bytes: Span<UInt8>) -> Bool {
    guard let otherProtocols else { return true }
    var chosen = 0
    for index in head.fields.indices where WebSocketToken.isField(bytes, head.fields[index]) {
      chosen += 1
      guard UpgradeRequest.holds(otherProtocols.span, bytes, head.fields[index].value) else { return false }
    }
    return chosen <= 1
  }

  private static func holds(_ list: Span<UInt8>, _ bytes: Span<UInt8>, _ name: ByteRange) -> Bool {
    let wanted = bytes.extracting(name.lowerBound..<name.upperBound)
    var elements = ListElements(ByteRange(0, list.count))
    while let element = elements.next(list) {
      if !element.isEmpty, list.extracting(element.lowerBound..<element.upperBound).isSame(as: wanted) { return true }
    }
    return false
  }

  /// Whether a `101` switches to what was asked for, and nothing else (RFC 9110 §15.2.2, RFC 6455 §4.1).
  ///
  /// - Parameter webSocketAccept: What Sec-WebSocket-Accept has to be; nil where another protocol was asked for.
  public func isAccepted(
    by head: borrowing ResponseHead, _ bytes: Span<UInt8>, webSocketAccept: [UInt8]?
  ) -> Bool {
    guard head.status == 101, head.saysUpgrade, head.upgradeCount == 1 else { return false }
    let value = head.fields[head.upgradeLine].value
    guard FieldText.isWord(bytes, value, String(decoding: name, as: UTF8.self)) else { return false }
    guard let webSocketAccept else { return true }
    guard isOffered(head, bytes) else { return false }
    var accepts = 0
    for index in head.fields.indices {
      let line = head.fields[index]
      guard FieldText.isWord(bytes, line.name, "sec-websocket-accept") else { continue }
      let value = bytes.extracting(line.value.lowerBound..<line.value.upperBound)
      guard value.isSame(as: webSocketAccept.span) else { return false }
      accepts += 1
    }
    return accepts == 1
  }
}

/// A WebSocket handshake that RFC 6455 §4.2.1 does not allow.
public struct UpgradeError: Error, Equatable {
  /// Always `upgradeInvalid`.
  public var reason: Reason { .upgradeInvalid }
}
