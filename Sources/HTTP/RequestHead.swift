/// A request head: offsets into the bytes that it was parsed from. One is used again and again: its arrays keep their
/// capacity.
public struct RequestHead: Sendable {
  /// As received: methods are case-sensitive (RFC 9110 §9.1).
  public internal(set) var method = ByteRange.empty
  /// What `method` is, if it has a case of its own; otherwise `other`.
  public internal(set) var knownMethod = Method.other
  /// The version that the request line states.
  public internal(set) var version = HTTPVersion.http11
  /// Which form `target` has (RFC 9112 §3.2).
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
  /// The port that `authority` states; nil if it states none.
  public internal(set) var port: UInt16?
  /// All field lines, in the order received.
  public internal(set) var fields: [FieldLine] = []
  /// How the end of the body is found (RFC 9112 §6.3); `none` if the request has no body.
  public internal(set) var bodyFraming = BodyFraming.none
  /// Whether the client means to send another request on this connection (RFC 9112 §9.3).
  public internal(set) var persistent = true
  /// Whether it waits for `100 Continue` (RFC 9110 §10.1.1).
  public internal(set) var expectsContinue = false
  /// The index of the last Authorization in `fields`; -1 if there is none.
  public internal(set) var authorizationLine = -1
  /// The number of Authorization lines.
  public internal(set) var authorizationCount = 0
  /// The index of Cookie in `fields`; -1 if there is none. A head with several is refused (RFC 6265 §5.4).
  public internal(set) var cookieLine = -1
  /// The index of the first Accept in `fields`; -1 if there is none.
  public internal(set) var acceptLine = -1
  /// The index of the first CDN-Loop in `fields` (RFC 8586); -1 if there is none.
  public internal(set) var loopLine = -1
  /// The index of the last DPoP in `fields` (RFC 9449 §4.1); -1 if there is none.
  public internal(set) var dpopLine = -1
  /// The number of DPoP lines; a proof is taken only from a single one (RFC 9449 §4.3).
  public internal(set) var dpopCount = 0
  /// The index of the last traceparent in `fields` (W3C Trace Context, §3.2); -1 if there is none.
  public internal(set) var traceparentLine = -1
  /// The number of traceparent lines; several are treated as none.
  public internal(set) var traceparentCount = 0
  /// The index of the last Origin in `fields` (RFC 6454 §7); -1 if there is none.
  public internal(set) var originLine = -1
  /// The number of Origin lines; of several, none is believed.
  public internal(set) var originCount = 0
  /// The index of the last Upgrade in `fields` (RFC 9110 §7.8); -1 if there is none.
  public internal(set) var upgradeLine = -1
  /// The number of Upgrade lines.
  public internal(set) var upgradeCount = 0
  /// Whether Connection names Upgrade (RFC 9110 §7.8).
  public internal(set) var asksForUpgrade = false
  /// Whether Connection names a field other than Keep-Alive and Upgrade (RFC 9110 §7.6.1).
  public internal(set) var namesFields = false
  /// Bytes of the head, with the empty line at its end.
  public internal(set) var length = 0

  /// - Parameter fieldsMax: The number of field lines to make room for.
  public init(fieldsMax: Int) { fields.reserveCapacity(fieldsMax) }

  /// `OPTIONS *`, also in absolute-form: an authority without path and query (RFC 9112 §3.2.4).
  public var isAboutTheServer: Bool {
    targetForm == .asterisk || (targetForm == .absolute && knownMethod == .options && path.isEmpty && query.isEmpty)
  }
}

/// Looks for the end of a line in new bytes: only then is it worth parsing again.
public enum LineScanner {
  /// Whether `bytes[start...]` contains a CR or an LF.
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
