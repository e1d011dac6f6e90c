public import HTTP
public import Reason
public import Sockets

/// What the access log says of one exchange; docs/logs.md describes the fields. A loop uses one record for all its
/// exchanges, so that its text keeps its capacity. Whatever is nil or empty is left out of the line.
public struct AccessRecord {
  /// Whether the request's token had been verified or introspected before (`hit`), or was only now (`miss`).
  public enum Cache: Sendable { case hit, miss }

  /// When the first byte of the request arrived, in nanoseconds since 1970.
  public var startedAtNanoseconds: Int64 = 0
  /// The upper 64 bits of the request's id, which is written as 32 hexadecimal digits.
  public var requestIDHigh: UInt64 = 0
  /// The lower 64 bits of the request's id.
  public var requestIDLow: UInt64 = 0
  /// The id that a trusted proxy gave the request, which is written instead; nil: none did.
  public var requestIDGiven: [UInt8]?
  /// The client's IP address; empty where it connected through a Unix domain socket.
  public var client = AddressText()
  /// What `method`, `host` and `path` are ranges of.
  public var text: [UInt8] = []
  /// The method as it was sent; empty where no request line could be read.
  public var method = ByteRange.empty
  /// Host, or the authority of a target in absolute form, as it was sent; empty where it is not known.
  public var host = ByteRange.empty
  /// The canonical path. Never the query.
  public var path = ByteRange.empty
  /// The name of the route that matched; nil: none did, or the gateway answered on one of its own paths.
  public var route: String?
  /// The status that the client was answered with; 499 where it had gone before, 0 where the exchange was cut before
  /// there was any.
  public var status = 0
  /// Why the gateway answered itself, or why the exchange ended early; nil: it went well.
  public var reason: Reason?
  /// The reason for which what the provider or the route tries would have refused the request, had it been enforced for
  /// its sender; nil: it would not have.
  public var unenforced: Reason?
  /// Whether `reason` comes from a check that the provider or the route only tries, and not from what they require.
  public var isRefusedByTried = false
  /// What has revoked the credential for which `reason` is; nil: nothing has.
  public var revokedBy: Revoker?
  /// The name of the provider whose token, session or sign-in it is about; nil: none is known.
  public var provider: String?
  /// The sender, or whose the refused credential is: the value of the provider's subject claim. nil: anonymous, or
  /// refused before it was known.
  public var subject: String?
  /// Whether the sender is known, as the credential was good. Not part of the line.
  public var isVerified = false
  /// The sender's claims that are logged, as one JSON text of at most `claimsBytesMax` bytes; empty: none are.
  public var claims: [UInt8] = []
  /// The `kid` of the key that verified the token, or of the one that was not found; nil: the token names none.
  public var keyID: String?
  /// What the token cache knew of the token; nil: there was no token to look at.
  public var cache: Cache?
  /// The name of the upstream; nil: nothing was to be sent to one.
  public var upstream: String?
  /// Attempts after the first one to send the request upstream.
  public var retries = 0
  /// Spent on verifying the token and its proof, with waiting for keys or for the issuer; nil: the cache knew the
  /// token, or there was none.
  public var authenticationMicroseconds: Int64?
  /// From forwarding until there was a connection to the upstream, with its TLS handshake; nil: there was none.
  public var connectMicroseconds: Int64?
  /// From forwarding to the first byte of the upstream's response; nil: there was none.
  public var firstByteMicroseconds: Int64?
  /// From the first byte of the request to the end of the exchange.
  public var totalMicroseconds: Int64 = 0
  /// Bytes received from the client, heads included.
  public var bytesIn: UInt64 = 0
  /// Bytes sent to the client, heads included.
  public var bytesOut: UInt64 = 0
  /// Where the exchange stands in its trace; nil: no spans of it are exported.
  public var trace: TraceFacts?
  /// The number of the configuration that decided: 1 at the start, one more with each reload.
  public var generation: UInt64 = 0

  /// The most bytes that `claims` may have.
  public static let claimsBytesMax = LineLimits.valueBytesMax

  /// A record of an exchange of which nothing is known yet.
  public init() {}

  /// Names the sender of a request that the gateway answered on a path of its own.
  public mutating func keep(_ sender: LocalResponse.Sender) {
    provider = sender.provider
    subject = sender.subject
    isVerified = true
  }
}
