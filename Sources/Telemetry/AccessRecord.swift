public import HTTP
public import Reason
public import Sockets

/// What the access log says of one exchange. One is used again and again: its text keeps its capacity. Whatever is nil,
/// empty or negative is left out of the line.
public struct AccessRecord {
  public enum Cache: Sendable { case hit, miss }

  /// When the first byte of the request came, in nanoseconds since 1970.
  public var startedAtNanoseconds: Int64 = 0
  public var requestIDHigh: UInt64 = 0
  public var requestIDLow: UInt64 = 0
  /// In place of these, where a proxy has named the request.
  public var requestIDGiven: [UInt8]?
  public var client = AddressText()
  /// What `method`, `host` and `path` are ranges of.
  public var text: [UInt8] = []
  public var method = ByteRange.empty
  public var host = ByteRange.empty
  /// The canonical path. Never the query.
  public var path = ByteRange.empty
  public var route: String?
  public var status = 0
  public var reason: Reason?
  /// Why it would have been refused, were what its provider or its route tries enforced for whoever sent it.
  public var unenforced: Reason?
  /// Whether it was refused by what its provider or its route tries, and not by what is required.
  public var isRefusedByTried = false
  public var provider: String?
  public var subject: String?
  /// Whether it is known who sent it: their credential was good. Not part of the line.
  public var isVerified = false
  /// A JSON text of theirs: those that are logged; empty: none.
  public var claims: [UInt8] = []
  public var keyID: String?
  public var cache: Cache?
  public var upstream: String?
  public var retries = 0
  public var authenticationMicroseconds: Int64?
  public var connectMicroseconds: Int64?
  public var firstByteMicroseconds: Int64?
  public var totalMicroseconds: Int64 = 0
  public var bytesIn: UInt64 = 0
  public var bytesOut: UInt64 = 0
  /// nil: nothing is exported of it.
  public var trace: TraceFacts?
  /// Which configuration decided.
  public var generation: UInt64 = 0

  /// Bytes of `claims`.
  public static let claimsBytesMax = LineLimits.valueBytesMax

  public init() {}

  /// Names the sender of a request that the gateway answered on a path of its own.
  public mutating func keep(_ sender: LocalResponse.Sender) {
    provider = sender.provider
    subject = sender.subject
    isVerified = true
  }
}
