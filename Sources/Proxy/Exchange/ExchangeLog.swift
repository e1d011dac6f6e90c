import Access
import Configuration
import HTTP
import Reason
import Sockets
import Telemetry
import Tokens

/// What the access log will record of an exchange, collected without an allocation.
///
/// A class for the reason that `Exchange` is one.
final class ExchangeLog {
  /// All but the text. Forgotten by one assignment, so that nothing of one exchange stays for the next.
  private var facts = Facts()
  /// Method, host and path, one after the other.
  private(set) var text: [UInt8] = []

  private struct Facts {
    var wallClockNanoseconds: Int64 = 0
    var startedAt = MonotonicTime(nanoseconds: 0)
    var client = AddressText()
    var method = ByteRange.empty
    var host = ByteRange.empty
    var path = ByteRange.empty
    var identity = Identity.anonymous
    var asked = Asked.nothing
    /// Whether the sender has been determined, also as anonymous.
    var isIdentified = false
    var keyID: String?
    /// By name: in another configuration its index may be another provider's.
    var provider: String?
    var refusedClaims: RefusedClaims?
    /// Whose the credential is that was refused, where that is known.
    var refusedSubject: String?
    var revokedBy: Revoker?
    var hasOtherAuthorization = false
    /// Who sent a request that the gateway answered on a path of its own; nil: nobody whose credential was good.
    var sender: LocalResponse.Sender?
    var cache: AccessRecord.Cache?
    var authenticationMicroseconds: Int64?
    /// When the exchange first began to wait, for keys, introspection or a renewal; nil if it has not waited.
    var waitedFrom: MonotonicTime?
    var forwardedAt: MonotonicTime?
    var connectMicroseconds: Int64?
    var firstByteMicroseconds: Int64?
    var upstream: Int?
    var retries = 0
    var bytesIn: UInt64 = 0
    var bytesOut: UInt64 = 0
  }

  var wallClockNanoseconds: Int64 { facts.wallClockNanoseconds }
  var startedAt: MonotonicTime { facts.startedAt }
  var client: AddressText { facts.client }
  var identity: Identity { facts.identity }
  var asked: Asked { facts.asked }
  /// Whether the sender has been determined, also as anonymous.
  var isIdentified: Bool { facts.isIdentified }
  /// By name: in another configuration its index may be another provider's.
  var provider: String? { facts.provider }
  var refusedClaims: RefusedClaims? { facts.refusedClaims }
  /// Whether the request's token was in the cache; nil: there was no token to look at.
  var cache: AccessRecord.Cache? { facts.cache }
  var firstByteMicroseconds: Int64? { facts.firstByteMicroseconds }
  /// What has revoked the credential, or that of the tunnel.
  var revokedBy: Revoker? {
    get { facts.revokedBy }
    set { facts.revokedBy = newValue }
  }
  /// Whether `Authorization`, where the route looks for a token, holds something else.
  var hasOtherAuthorization: Bool {
    get { facts.hasOtherAuthorization }
    set { facts.hasOtherAuthorization = newValue }
  }
  var upstream: Int? {
    get { facts.upstream }
    set { facts.upstream = newValue }
  }
  var retries: Int {
    get { facts.retries }
    set { facts.retries = newValue }
  }
  var bytesIn: UInt64 {
    get { facts.bytesIn }
    set { facts.bytesIn = newValue }
  }
  var bytesOut: UInt64 {
    get { facts.bytesOut }
    set { facts.bytesOut = newValue }
  }

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
  func begin(startedAt: MonotonicTime, wallClockNanoseconds: Int64, client: AddressText) {
    forget()
    facts.startedAt = startedAt
    facts.wallClockNanoseconds = wallClockNanoseconds
    facts.client = client
  }

  /// Discards everything. The text's buffer is kept unless it is larger than `roomBytesMax` bytes, which few texts
  /// need: otherwise as many exchanges as were ever in progress at a time would each keep a large one.
  func forget() {
    forgetText()
    facts = Facts()
  }

  private func forgetText() {
    let room = text.capacity <= ExchangeLog.roomBytesMax
    changeText { $0.removeAll(keepingCapacity: room) }
  }

  func keepRequest(_ head: borrowing RequestHead, _ bytes: Span<UInt8>) {
    guard text.isEmpty else { return }
    facts.method = keep(bytes, head.method)
    facts.host = keep(bytes, head.authority)
  }

  func keepRequest(_ head: borrowing RefusedHead, _ bytes: Span<UInt8>) {
    facts.method = keep(bytes, head.method)
    facts.host = keep(bytes, head.authority)
  }

  /// Discards what was kept of the request: another one than the one received is logged.
  func forgetRequest() {
    forgetText()
    facts.method = .empty
    facts.host = .empty
    facts.path = .empty
  }

  /// Keeps the client's address, if its connection comes from another.
  func keep(_ client: AddressText) { facts.client = client }

  func keepPath(_ canonical: Span<UInt8>) {
    guard facts.path.isEmpty else { return }
    facts.path = keep(canonical, ByteRange(0, canonical.count))
  }

  private func keep(_ bytes: Span<UInt8>, _ range: ByteRange) -> ByteRange {
    let start = text.count
    changeText { $0.append(bytes, range) }
    return ByteRange(start, text.count)
  }

  /// Changed outside of its place: changed in it, it would be checked for exclusivity at every use.
  private func changeText(_ change: (inout [UInt8]) -> Void) {
    var moved: [UInt8] = []
    swap(&moved, &text)
    change(&moved)
    swap(&moved, &text)
  }

  func keep(_ authentication: TokenAuthentication, at now: MonotonicTime) {
    // A request that waited counts as a cache miss, even if another has filled the cache meanwhile.
    facts.cache = facts.waitedFrom == nil ? authentication.cache : .miss
    guard facts.cache == .miss || authentication.microseconds > 0 else { return }
    var microseconds = authentication.microseconds
    if let waitedFrom = facts.waitedFrom { microseconds += now.microseconds(since: waitedFrom) }
    facts.authenticationMicroseconds = microseconds
  }

  func waits(from now: MonotonicTime) {
    if facts.waitedFrom == nil { facts.waitedFrom = now }
  }

  /// The wait ended without a result.
  func waited(until now: MonotonicTime) {
    if let waitedFrom = facts.waitedFrom { facts.authenticationMicroseconds = now.microseconds(since: waitedFrom) }
  }

  func keep(_ identity: Identity) {
    facts.identity = identity
    facts.isIdentified = true
  }

  func keep(_ sender: LocalResponse.Sender) { facts.sender = sender }

  func asksRule(at now: UnixSeconds) { facts.asked = .rule(now) }

  func keepToken(
    keyID: String?, provider: String?, _ claims: RefusedClaims? = nil, subject: String? = nil,
    revokedBy: Revoker? = nil
  ) {
    facts.asked = .credential
    facts.refusedClaims = claims
    facts.refusedSubject = subject
    facts.revokedBy = revokedBy
    facts.keyID = keyID
    facts.provider = provider
  }

  private var verifiedKeyID: String? {
    if case .token(let token) = facts.identity { token.keyID } else { nil }
  }

  /// Microseconds from its start until it was forwarded to its upstream; nil if it was not.
  var forwardedMicroseconds: Int64? {
    facts.forwardedAt.map { $0.microseconds(since: facts.startedAt) }
  }

  func forwarded(at now: MonotonicTime) { facts.forwardedAt = now }

  func connected(at now: MonotonicTime) {
    if let forwardedAt = facts.forwardedAt { facts.connectMicroseconds = now.microseconds(since: forwardedAt) }
  }

  func responseBegan(at now: MonotonicTime) {
    guard facts.firstByteMicroseconds == nil, let forwardedAt = facts.forwardedAt else { return }
    facts.firstByteMicroseconds = now.microseconds(since: forwardedAt)
  }

  /// Fills in what the access line says of the exchange.
  ///
  /// Its text is moved into the record, so that nothing is copied.
  func fill(_ record: inout AccessRecord, at now: MonotonicTime) {
    record.startedAtNanoseconds = facts.wallClockNanoseconds
    record.client = facts.client
    swap(&record.text, &text)
    record.method = facts.method
    record.host = facts.host
    record.path = facts.path
    let claims = facts.identity.claims
    record.isVerified = claims != nil
    record.subject = facts.isIdentified ? claims?.subject : facts.refusedSubject
    record.provider = claims?.provider ?? facts.provider
    record.keyID = verifiedKeyID ?? facts.keyID
    record.cache = facts.cache
    record.retries = facts.retries
    record.authenticationMicroseconds = facts.authenticationMicroseconds
    record.connectMicroseconds = facts.connectMicroseconds
    record.firstByteMicroseconds = facts.firstByteMicroseconds
    record.totalMicroseconds = now.microseconds(since: facts.startedAt)
    record.bytesIn = facts.bytesIn
    record.bytesOut = facts.bytesOut
    if let sender = facts.sender { record.keep(sender) }
  }
}

extension Exchange {
  /// What is counted of the exchange, which ended at `now`. To be called before `fill`, which moves its text.
  func measure(at now: MonotonicTime) -> ExchangeMeasure {
    var measure = ExchangeMeasure(
      route: decision.route?.metricNumber ?? 0,
      upstream: log.upstream.flatMap { decision.configuration?.upstreamMetricNumbers[$0] }, status: response.status,
      reason: response.reason,
      cache: log.cache, totalMicroseconds: now.microseconds(since: log.startedAt),
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
