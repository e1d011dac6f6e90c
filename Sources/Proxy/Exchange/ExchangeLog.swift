import Access
import Configuration
import HTTP
import Reason
import Sockets
import Telemetry
import Tokens

/// What the access log will record of an exchange, collected without an allocation.
struct ExchangeLog {
  private(set) var wallClockNanoseconds: Int64 = 0
  private(set) var startedAt = MonotonicTime(nanoseconds: 0)
  private(set) var client = AddressText()
  /// Method, host and path, one after the other.
  private(set) var text: [UInt8] = []
  private(set) var method = ByteRange.empty
  private(set) var host = ByteRange.empty
  private(set) var path = ByteRange.empty
  private(set) var identity = Identity.anonymous
  private(set) var asked = Asked.nothing
  /// Whether the sender has been determined, also as anonymous.
  private(set) var isIdentified = false
  private(set) var keyID: String?
  /// By name: in another configuration its index may be another provider's.
  private(set) var provider: String?
  private(set) var refusedClaims: RefusedClaims?
  /// Whose the credential is that was refused, where that is known.
  private(set) var refusedSubject: String?
  /// What has revoked the credential, or that of the tunnel.
  var revokedBy: Revoker?
  /// Whether `Authorization`, where the route looks for a token, holds something else.
  var hasOtherAuthorization = false
  /// Who sent a request that the gateway answered on a path of its own; nil: nobody whose credential was good.
  private var sender: LocalResponse.Sender?
  private(set) var cache = TokenAuthentication.CacheUse.none
  private(set) var authenticationMicroseconds: Int64?
  /// When the exchange first began to wait, for keys, introspection or a renewal; nil if it has not waited.
  private var waitedFrom: MonotonicTime?
  private var forwardedAt: MonotonicTime?
  private(set) var connectMicroseconds: Int64?
  private(set) var firstByteMicroseconds: Int64?
  var upstream: Int?
  var retries = 0
  var bytesIn: UInt64 = 0
  var bytesOut: UInt64 = 0

  static let roomBytesMax = 1024

  /// How far the decision got.
  enum Asked {
    case nothing
    /// The credential, which was refused.
    case credential
    /// The rule, at this time.
    case rule(UnixSeconds)
  }

  /// Starts over, for another request.
  mutating func begin(startedAt: MonotonicTime, wallClockNanoseconds: Int64, client: AddressText) {
    forget()
    self.startedAt = startedAt
    self.wallClockNanoseconds = wallClockNanoseconds
    self.client = client
  }

  /// Discards everything. The text's buffer is kept unless it is larger than `roomBytesMax` bytes, which few texts
  /// need: otherwise as many exchanges as were ever in progress at a time would each keep a large one.
  mutating func forget() {
    var room: [UInt8] = []
    swap(&room, &text)
    room.removeAll(keepingCapacity: room.capacity <= ExchangeLog.roomBytesMax)
    self = ExchangeLog()
    swap(&room, &text)
  }

  mutating func keepRequest(_ head: borrowing RequestHead, _ bytes: Span<UInt8>) {
    guard text.isEmpty else { return }
    method = keep(bytes, head.method)
    host = keep(bytes, head.authority)
  }

  mutating func keepRequest(_ head: borrowing RefusedHead, _ bytes: Span<UInt8>) {
    method = keep(bytes, head.method)
    host = keep(bytes, head.authority)
  }

  /// Discards what was kept of the request: another one than the one received is logged.
  mutating func forgetRequest() {
    text.removeAll(keepingCapacity: true)
    method = .empty
    host = .empty
    path = .empty
  }

  /// Keeps the client's address, if its connection comes from another.
  mutating func keep(_ client: AddressText) { self.client = client }

  mutating func keepPath(_ canonical: Span<UInt8>) {
    guard path.isEmpty else { return }
    path = keep(canonical, ByteRange(0, canonical.count))
  }

  private mutating func keep(_ bytes: Span<UInt8>, _ range: ByteRange) -> ByteRange {
    let start = text.count
    text.append(bytes, range)
    return ByteRange(start, text.count)
  }

  mutating func keep(_ authentication: TokenAuthentication, at now: MonotonicTime) {
    // A request that waited counts as a cache miss, even if another has filled the cache meanwhile.
    cache = waitedFrom == nil ? authentication.cache : .miss
    guard cache == .miss || authentication.microseconds > 0 else { return }
    authenticationMicroseconds = authentication.microseconds
    if let waitedFrom { authenticationMicroseconds? += now.microseconds(since: waitedFrom) }
  }

  mutating func waits(from now: MonotonicTime) {
    if waitedFrom == nil { waitedFrom = now }
  }

  /// The wait ended without a result.
  mutating func waited(until now: MonotonicTime) {
    if let waitedFrom { authenticationMicroseconds = now.microseconds(since: waitedFrom) }
  }

  mutating func keep(_ identity: Identity) {
    self.identity = identity
    isIdentified = true
  }

  mutating func keep(_ sender: LocalResponse.Sender) { self.sender = sender }

  mutating func asksRule(at now: UnixSeconds) { asked = .rule(now) }

  mutating func keepToken(
    keyID: String?, provider: String?, _ claims: RefusedClaims? = nil, subject: String? = nil,
    revokedBy: Revoker? = nil
  ) {
    asked = .credential
    refusedClaims = claims
    refusedSubject = subject
    self.revokedBy = revokedBy
    self.keyID = keyID
    self.provider = provider
  }

  var cacheUse: AccessRecord.Cache? {
    switch cache {
    case .none: nil
    case .hit: .hit
    case .miss: .miss
    }
  }

  private var verifiedKeyID: String? {
    if case .token(let token) = identity { token.keyID } else { nil }
  }

  /// Microseconds from its start until it was forwarded to its upstream; nil if it was not.
  var forwardedMicroseconds: Int64? {
    forwardedAt.map { $0.microseconds(since: startedAt) }
  }

  mutating func forwarded(at now: MonotonicTime) { forwardedAt = now }

  mutating func connected(at now: MonotonicTime) {
    if let forwardedAt { connectMicroseconds = now.microseconds(since: forwardedAt) }
  }

  mutating func responseBegan(at now: MonotonicTime) {
    guard firstByteMicroseconds == nil, let forwardedAt else { return }
    firstByteMicroseconds = now.microseconds(since: forwardedAt)
  }

  /// Fills in what the access line says of the exchange.
  ///
  /// Its text is moved into the record, so that nothing is copied.
  mutating func fill(_ record: inout AccessRecord, at now: MonotonicTime) {
    record.startedAtNanoseconds = wallClockNanoseconds
    record.client = client
    swap(&record.text, &text)
    record.method = method
    record.host = host
    record.path = path
    let claims = identity.claims
    record.isVerified = claims != nil
    record.subject = isIdentified ? claims?.subject : refusedSubject
    record.provider = claims?.provider ?? provider
    record.keyID = verifiedKeyID ?? keyID
    record.cache = cacheUse
    record.retries = retries
    record.authenticationMicroseconds = authenticationMicroseconds
    record.connectMicroseconds = connectMicroseconds
    record.firstByteMicroseconds = firstByteMicroseconds
    record.totalMicroseconds = now.microseconds(since: startedAt)
    record.bytesIn = bytesIn
    record.bytesOut = bytesOut
    if let sender { record.keep(sender) }
  }
}

extension Exchange {
  /// What is counted of the exchange, which ended at `now`. To be called before `fill`, which moves its text.
  func measure(at now: MonotonicTime) -> ExchangeMeasure {
    var measure = ExchangeMeasure(
      route: decision.route?.metricNumber ?? 0,
      upstream: log.upstream.flatMap { decision.configuration?.upstreamMetricNumbers[$0] }, status: response.status,
      reason: response.reason,
      cache: log.cacheUse, totalMicroseconds: now.microseconds(since: log.startedAt),
      firstByteMicroseconds: log.firstByteMicroseconds, retries: log.retries, bytesIn: log.bytesIn,
      bytesOut: log.bytesOut)
    if response.reason != nil { measure.provider = providerMetricNumber }
    measure.unenforced = decision.unenforced
    measure.refusingTrier = decision.refusingTrier
    return measure
  }

  /// The metric number of the provider whose token or session the request came with; 0 if unknown.
  private var providerMetricNumber: Int {
    guard let configuration = decision.configuration, let name = log.identity.provider ?? log.provider,
      let provider = configuration.providerNames.firstIndex(of: name)
    else { return 0 }
    return configuration.providerMetricNumbers[provider]
  }

  /// The refused request as the rule of its route saw it; nil if it was not refused, or no credential was examined.
  ///
  /// - Parameter record: Already filled in from this exchange.
  func decided(_ record: borrowing AccessRecord) -> DecidedRequest? {
    guard let rule = decision.route?.configuration.rule, let reason = response.reason else { return nil }
    let isOtherAuthorization = log.hasOtherAuthorization && reason == .credentialMissing
    let sender: DecidedRequest.Sender
    let now: UnixSeconds
    switch log.asked {
    case .nothing: return nil
    // What is refused by what is tried is explained by that.
    case .credential where isOtherAuthorization, .rule where isOtherAuthorization && decision.refusingTrier == nil:
      (sender, now) = (.otherAuthorization(reason), log.wallClockNanoseconds / 1_000_000_000)
    case .credential: (sender, now) = (.refused(reason, log.refusedClaims), log.wallClockNanoseconds / 1_000_000_000)
    case .rule(let time): (sender, now) = (.identity(log.identity.claims), time)
    }
    let path = Array(record.text[record.path.lowerBound..<record.path.upperBound])
    return DecidedRequest(rule, sender, RequestFacts(path: path, now: now))
  }

  /// Fills in the access line of the exchange, which ended at `now`.
  func fill(_ record: inout AccessRecord, at now: MonotonicTime) {
    log.fill(&record, at: now)
    if !record.claims.isEmpty { record.claims.removeAll(keepingCapacity: true) }
    record.requestIDHigh = requestID.high
    record.requestIDLow = requestID.low
    record.requestIDGiven = requestID.given
    record.status = response.status
    record.reason = response.reason
    record.revokedBy = response.reason?.isRevocation == true ? log.revokedBy : nil
    record.unenforced = decision.unenforced
    record.isRefusedByTried = decision.refusingTrier != nil
    record.trace = nil
    guard let configuration = decision.configuration else { return }
    if let sampling = configuration.traceSampling { fill(&record, tracedBy: sampling) }
    record.generation = configuration.generation
    record.route = decision.route?.configuration.name
    if !configuration.loggedClaims.isEmpty, log.isIdentified, decision.route?.asksWho == true {
      configuration.append(log.identity.claims, to: &record.claims)
    }
    record.upstream = log.upstream.map { configuration.upstreamNames[$0] }
  }

  private func fill(_ record: inout AccessRecord, tracedBy sampling: TraceSampling) {
    // Nothing is known of a head that could not be parsed.
    let trace = request.trace ?? RequestTrace(beginning: requestID, sampling, isSecured: request.secured != nil)
    record.trace = trace.facts(
      isHTTP10: request.version == .http10, routePath: decision.route?.tracedPath,
      forwardedMicroseconds: log.forwardedMicroseconds,
      upstreamStatus: response.upstreamStatus)
  }
}
