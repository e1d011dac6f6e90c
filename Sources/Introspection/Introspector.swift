internal import Fetch
internal import HTTP
internal import Sockets
internal import Tokens

/// Asks one provider's endpoint. Bound to the control loop.
///
/// A token that several exchanges, of whatever loop, ask about at once is one question. A few questions are under way at
/// a time and a bounded number waits for its turn, and of both each client has a share; what is more is refused at once,
/// and so is everything while the issuer fails: hostile traffic reaches the issuer no faster than it answers.
final class Introspector {
  /// Questions that the issuer has not answered yet.
  private static let inFlightMax = 64
  /// Of these, for one client: a quarter, so that the tokens of one about which the issuer takes its time leave room for
  /// those of others.
  private static let clientInFlightMax = 16
  /// Questions that wait until one of those is answered.
  static let waitingMax = 1024
  /// Of these, for one client: an eighth, so that made-up tokens of one leave room for those of others.
  private static let clientWaitingMax = 128

  private let endpoint: IntrospectionEndpoint
  private let request: IntrospectionRequest
  private let loop: EventLoop
  private let fetch: Fetch
  private let report: (IntrospectionEvent) -> Void
  private var questions: [[UInt8]: Question] = [:]
  /// Tokens whose question waits, in the order in which they came, and who asked first.
  private var waiting: [(token: [UInt8], client: IPAddress?)] = []
  /// None is zero.
  private var waitingByClient: [IPAddress: Int] = [:]
  private var inFlight = 0
  /// None is zero.
  private var inFlightByClient: [IPAddress: Int] = [:]
  private var breaker = CircuitBreaker()
  private var faults = FaultReport()
  private var isStopped = false

  /// How a request is sent; answers later, once.
  typealias Fetch = (FetchRequest, @escaping (Result<FetchResponse, FetchError>) -> Void) -> Void

  private struct Question {
    let askedAt: MonotonicTime
    var completions: [(IntrospectionResult) -> Void]
  }

  /// Reads the client's credential from its file.
  init(
    _ endpoint: IntrospectionEndpoint, loop: EventLoop, fetch: @escaping Fetch,
    report: @escaping (IntrospectionEvent) -> Void
  ) throws(IntrospectionFault) {
    self.endpoint = endpoint
    request = try IntrospectionRequest(endpoint)
    self.loop = loop
    self.fetch = fetch
    self.report = report
  }

  /// - Parameters:
  ///   - client: Who sent the token, whose questions are bounded; nil: they are with those of all alone.
  ///   - completion: Called once, at once or later; never after `stop`.
  func introspect(_ token: [UInt8], client: IPAddress?, completion: @escaping (IntrospectionResult) -> Void) {
    loop.assertIsCurrent()
    if questions[token] != nil {
      questions[token]?.completions.append(completion)
      return
    }
    let now = MonotonicTime.current
    let client = client?.counted
    let isNext = hasRoom(for: client)
    guard !breaker.isOpen(at: now), isNext || wait(token, client) else {
      completion(.unavailable)
      return
    }
    questions[token] = Question(askedAt: now, completions: [completion])
    if isNext { send(token, of: client, at: now) }
  }

  /// Whether a question of `client` may be sent now.
  private func hasRoom(for client: IPAddress?) -> Bool {
    guard inFlight < Introspector.inFlightMax else { return false }
    return client.map { inFlightByClient[$0, default: 0] < Introspector.clientInFlightMax } ?? true
  }

  /// Lets a question wait; false where too many wait already, of all or of `client`.
  private func wait(_ token: [UInt8], _ client: IPAddress?) -> Bool {
    guard waiting.count < Introspector.waitingMax else { return false }
    if let client {
      let count = waitingByClient[client, default: 0]
      guard count < Introspector.clientWaitingMax else { return false }
      waitingByClient[client] = count + 1
    }
    waiting.append((token, client))
    return true
  }

  /// Nobody is told anything any more.
  func stop() {
    isStopped = true
    questions = [:]
    waiting = []
    waitingByClient = [:]
  }

  private func send(_ token: [UInt8], of client: IPAddress?, at now: MonotonicTime) {
    let admission = breaker.admit(at: now)
    guard admission != .refused else {
      answer(token, .unavailable)
      return
    }
    do throws(IntrospectionFault) {
      let request = try request.make(about: token, now: WallClock.seconds)
      inFlight += 1
      if let client { inFlightByClient[client, default: 0] += 1 }
      fetch(request) { [weak self] result in self?.ended(token, of: client, admission, result) }
    } catch {
      failed(error, admission)
      answer(token, .unavailable)
    }
  }

  private func ended(
    _ token: [UInt8], of client: IPAddress?, _ admission: CircuitBreaker.Admission,
    _ response: Result<FetchResponse, FetchError>
  ) {
    guard !isStopped else { return }
    inFlight -= 1
    if let client { Introspector.takeOne(from: &inFlightByClient, client) }
    do throws(IntrospectionFault) {
      let said = try IntrospectionResponse(try IntrospectionFault.ofFetches(response))
      breaker.succeeded()
      if faults.succeeded() { report(.recovered(provider: endpoint.policy.provider)) }
      answer(token, endpoint.result(of: said, about: token, now: WallClock.seconds))
    } catch {
      failed(error, admission)
      answer(token, .unavailable)
    }
    sendWaiting()
  }

  private func failed(_ fault: IntrospectionFault, _ admission: CircuitBreaker.Admission) {
    let now = MonotonicTime.current
    // Whoever can get one token that the issuer answers oddly would otherwise keep all others from being asked about.
    if fault.isOfOneToken {
      breaker.succeeded()
    } else {
      breaker.failed(admission, at: now, jitter: Double.random(in: 0.75...1))
    }
    if let times = faults.failed(at: now) {
      report(.failed(provider: endpoint.policy.provider, fault, url: ShownURL(endpoint.url), times: times))
    }
  }

  private func answer(_ token: [UInt8], _ result: IntrospectionResult) {
    for completion in questions.removeValue(forKey: token)?.completions ?? [] { completion(result) }
  }

  /// Sends what waits, as far as there is room: but not for those who have stopped waiting. Who has a share under way
  /// already is passed over.
  private func sendWaiting() {
    let now = MonotonicTime.current
    var (next, left) = (waiting.startIndex, waiting.startIndex)
    while next < waiting.endIndex, inFlight < Introspector.inFlightMax {
      let (token, client) = waiting[next]
      next += 1
      guard hasRoom(for: client) else {
        waiting[left] = (token, client)
        left += 1
        continue
      }
      if let client { Introspector.takeOne(from: &waitingByClient, client) }
      guard let question = questions[token] else { continue }
      if question.askedAt + IntrospectionRequest.timeout <= now {
        answer(token, .unavailable)
      } else {
        send(token, of: client, at: now)
      }
    }
    if !isStopped { waiting.removeSubrange(left..<next) }
  }

  private static func takeOne(from counts: inout [IPAddress: Int], _ client: IPAddress) {
    guard let count = counts[client] else { return }
    counts[client] = count > 1 ? count - 1 : nil
  }
}

extension IntrospectionFault {
  static func ofFetches(
    _ response: Result<FetchResponse, FetchError>
  ) throws(IntrospectionFault) -> FetchResponse {
    do throws(FetchError) {
      return try response.get()
    } catch {
      throw .fetch(error)
    }
  }
}
