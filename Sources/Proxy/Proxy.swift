/// Module `Proxy`: the way of a request, from a listening socket to an upstream and back, on one loop.
/// May import: Configuration, Access, Tokens, Keys, HTTP, TLS, Crypto, JSON, Sockets, Telemetry, Reason.
/// Never does: hold an unsafe pointer, wait on the request path, or decide what `Access` decides. A request takes a lock
/// only for what all loops count together, and briefly: DPoP proofs, rate limits, the queue of `max_connections`, what a
/// share refuses, failures of servers.
///
/// Words: a *response* is what the client gets: the upstream's (`ForwardedResponse`), or the gateway's own, from a
/// `Responder` (`LocalResponse`) or for a refusal (`RefusalResponse`). A request *attempts* a server; a server that was
/// ejected is *probed* by one request after its pause. What is *tried* is what a `try` section asks for, as in `Access`.

import Sockets

/// Fixed limits, which cannot be configured.
enum Limits {
  /// How long the key of a tunnel's token may be missing from the issuer's set.
  static let tunnelKeyGrace: Duration = .seconds(60)
  /// An issuer is asked about the token of a tunnel no more often.
  static let tunnelQuestionPauseMin: Duration = .seconds(30)
  /// Questions about tokens of tunnels that a loop has under way.
  static let tunnelQuestionsMax = 16
  /// Bytes of a buffer. A connection holds at most four: 128 KiB, both ways together (SECURITY D-3).
  static let blockBytes = 32 * 1024
  /// Free buffers that a loop keeps.
  static let blocksKeptMax = 64
  /// Bytes of an upstream's response head: it must fit a block, rewritten.
  static let responseHeadBytesMax = 24 * 1024
  static let responseFieldsMax = 256
  /// Interim responses before the final one (SECURITY U-2).
  static let interimResponsesMax = 10
  /// A request body that the gateway itself answers (`Responder`).
  static let localBodyBytesMax = 64 * 1024
  /// How long an exchange waits for keys, or for what an issuer says of a token, before it answers 503.
  static let waitMax: Duration = .seconds(5)
  /// How long a connection that is being closed is still read, so that the response is not lost to a reset.
  static let lingerMax: Duration = .seconds(2)
  /// How often a loop says which TLS handshakes go on to fail.
  static let failedHandshakesEvery: Duration = .seconds(60)
  /// Idle connections kept by a loop to one server.
  static let idleUpstreamConnectionsMax = 256
  /// How often one loop says that an address has too many connections.
  static let eventPause: Duration = .seconds(10)
  /// Between two looks at names that failures to connect ask for, and at least after one that failed.
  static let lookupPause: Duration = .seconds(1)
  /// Names that are resolved at the same time, of all upstreams together.
  static let lookupsAtOnceMax = 8
  /// How long a start or a reload waits for names that were never resolved.
  static let firstLookupMax: Duration = .seconds(2)
  /// How long a server that was ejected has to answer the request that tries it, beside the time to connect.
  static let probeResponseMax: Duration = .seconds(5)
  /// Bytes of the head of a response to a health check.
  static let healthResponseBytesMax = 8 * 1024
  /// How long accepting pauses when descriptors are exhausted.
  static let acceptPause: Duration = .milliseconds(100)
  /// Verified tokens remembered by one loop, by number and by bytes.
  static let cachedTokensMax = 100_000
  static let cachedTokenBytesMax = 128 * 1024 * 1024
  /// DPoP proofs remembered by all loops together: 28 MiB, where a provider speaks DPoP.
  static let rememberedProofsMax = 1 << 20
  /// Senders that rate limits of all routes remember, all loops together: at most 6 MiB, taken as they are used.
  static let rememberedSendersMax = 1 << 18
  /// What frames a chunk: its size line, its end, and the last chunk behind it.
  static let chunkFramingBytesMax = 32
  /// A body goes on only where this much fits: more than the longest chunk size line, so that none is cut in two.
  static let bodyRoomMin = 1024
  /// Reads in a row for one connection, before others have their turn.
  static let readsPerTurnMax = 16
  /// Data of at least so many bytes goes to the socket without being copied.
  static let directWriteBytesMin = 8 * 1024
}
