import Access
import Configuration
import Crypto
import HTTP
import Keys
import Sockets
import Telemetry
import Tokens

/// What one loop needs to decide requests: the configuration, the keys, the tokens that it has verified. No sockets.
final class DecisionContext {
  /// Replaced on reload; an exchange keeps the one that it started with.
  var active: ActiveConfiguration {
    didSet {
      tokens.removeAll()
      refusedTokens.removeAll()
    }
  }
  var keys: KeySnapshot
  var revocations = RevocationSnapshot.none
  var tokens = VerifiedTokenCache(countMax: Limits.cachedTokensMax, bytesMax: Limits.cachedTokenBytesMax)
  var refusedTokens = RefusedTokens()
  /// Whether tokens are counted in `census`.
  var countsTokens: Bool
  var census: TokenCensus
  let signatures = SignatureVerifier()
  let headers = KnownHeaders()
  /// Shared by all loops.
  let replays: ReplayMemory
  /// Shared by all loops.
  let rateLimits: RateLimitMemory
  let blocks = BufferPool(blockBytes: Limits.blockBytes, keptMax: Limits.blocksKeptMax)
  var requestIDs = RequestIDSource()
  var followedTraces = FollowedTraces()
  /// The time of the event batch that is being handled.
  var now = MonotonicTime.current
  var wallClockNanoseconds = WallClock.nanoseconds
  /// The head being parsed, its canonical path and its client: used only while a request is decided.
  var head: RequestHead
  var path: [UInt8] = []
  /// The request that a proxy asks about, written as a head of its own.
  var forwardAuthBytes: [UInt8] = []
  /// The path in the form in which it is matched, if that differs from `path`.
  private var matchedPath: [UInt8] = []
  /// The same, if paths of the host are case-insensitive.
  private var foldedPath: [UInt8] = []
  /// The client that sent it.
  var client = Client()
  /// The path that is forwarded, if the route rewrites it.
  var rewrittenPath: [UInt8] = []
  /// The key by which a rate limit counts the request.
  var sender: [UInt8] = []

  private var failures = FaultReport(pause: Limits.eventPause)
  private let report: @Sendable (ProxyEvent) -> Void

  init(
    _ active: ActiveConfiguration, keys: KeySnapshot, replays: ReplayMemory, rateLimits: RateLimitMemory,
    countsTokens: Bool = false, report: @escaping @Sendable (ProxyEvent) -> Void = { _ in }
  ) {
    self.active = active
    self.report = report
    self.countsTokens = countsTokens
    census = TokenCensus(since: WallClock.seconds)
    self.keys = keys
    self.replays = replays
    self.rateLimits = rateLimits
    head = RequestHead(fieldsMax: active.headLimits.fieldsMax)
    path.reserveCapacity(active.headLimits.targetBytesMax)
  }

  /// Reports why a request is refused with `internal_error`, at most once per `Limits.eventPause`.
  func failed(_ why: String) {
    if let requests = failures.happened(at: now) { report(.failed(why: why, requests: requests)) }
  }

  var unixSeconds: UnixSeconds { wallClockNanoseconds / 1_000_000_000 }

  /// Reads the canonical path of `head` into `path`. `*` (RFC 9112 §3.2.4) is decided as `/` is.
  func readPath(_ bytes: Span<UInt8>) throws(PathError) -> PathTraits {
    if head.targetForm == .asterisk {
      path.removeAll(keepingCapacity: true)
      path.append(UInt8(ascii: "/"))
      return []
    }
    return try CanonicalPath.write(bytes, head.path, to: &path)
  }

  /// `path` in the form in which it is matched (`CanonicalPath.writeMatched`), without a copy if that is the same.
  func pathToMatch(_ traits: PathTraits) -> [UInt8] {
    guard traits.contains(.optionalEscape) else { return path }
    CanonicalPath.writeMatched(path.span, to: &matchedPath)
    return matchedPath
  }

  /// A path to be matched, folded if paths of its host are case-insensitive.
  func folded(_ path: [UInt8], of host: Span<UInt8>) -> [UInt8] {
    guard active.routing.foldsPaths(of: host) else { return path }
    FoldedPaths.fold(path.span, to: &foldedPath)
    return foldedPath
  }
}
