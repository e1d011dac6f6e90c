/// A request head: offsets into the bytes that it was parsed from. One is used again and again: its arrays keep their
/// capacity.
public struct RequestHead: Sendable {
  public internal(set) var method = ByteRange.empty
  public internal(set) var knownMethod = Method.other
  public internal(set) var version = HTTPVersion.http11
  public internal(set) var targetForm = TargetForm.origin
  /// As it was received.
  public internal(set) var target = ByteRange.empty
  /// Without the query, undecoded; empty where an absolute-form target has none, which means `/`.
  public internal(set) var path = ByteRange.empty
  /// With its `?`; empty where there is none.
  public internal(set) var query = ByteRange.empty
  /// Host and port, as received.
  public internal(set) var authority = ByteRange.empty
  /// Without a port and without one trailing dot.
  public internal(set) var host = ByteRange.empty
  public internal(set) var port: UInt16?
  public internal(set) var fields: [FieldLine] = []
  public internal(set) var bodyFraming = BodyFraming.none
  /// Whether the client means to send another request on this connection (RFC 9112 §9.3).
  public internal(set) var persistent = true
  /// Whether it waits for `100 Continue` (RFC 9110 §10.1.1).
  public internal(set) var expectsContinue = false
  /// Indices into `fields`, -1 where there is none.
  public internal(set) var authorizationLine = -1
  public internal(set) var authorizationCount = 0
  public internal(set) var cookieLine = -1
  public internal(set) var acceptLine = -1
  /// The first CDN-Loop (RFC 8586).
  public internal(set) var loopLine = -1
  public internal(set) var dpopLine = -1
  public internal(set) var dpopCount = 0
  public internal(set) var traceparentLine = -1
  public internal(set) var traceparentCount = 0
  public internal(set) var originLine = -1
  public internal(set) var originCount = 0
  public internal(set) var upgradeLine = -1
  public internal(set) var upgradeCount = 0
  /// Whether Connection names Upgrade (RFC 9110 §7.8).
  public internal(set) var asksForUpgrade = false
  /// Whether Connection names a field other than Keep-Alive and Upgrade (RFC 9110 §7.6.1).
  public internal(set) var namesFields = false
  /// Bytes of the head, with the empty line at its end.
  public internal(set) var length = 0

  public init(fieldsMax: Int) { fields.reserveCapacity(fieldsMax) }

  /// `OPTIONS *`, also in absolute-form: an authority without path and query (RFC 9112 §3.2.4).
  public var isAboutTheServer: Bool {
    targetForm == .asterisk || (targetForm == .absolute && knownMethod == .options && path.isEmpty && query.isEmpty)
  }
}

/// Looks for the end of a line in new bytes: only then is it worth parsing again.
public enum LineScanner {
  public static func containsLineEnd(_ bytes: Span<UInt8>, from start: Int) -> Bool {
    var index = start
    let count = bytes.count
    while index &+ 8 <= count, ByteWord.controls(ByteWord.load(bytes, at: index)) == 0 { index &+= 8 }
    while index < count {
      let byte = bytes[index]
      if byte == 0x0A || byte == 0x0D { return true }
      index += 1
    }
    return false
  }
}
