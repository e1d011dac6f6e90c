import Fetch
import Keys
import Sockets

/// Knows a provider's endpoints: asks when somebody wants them, and from then on once an hour while they are wanted.
/// Bound to the control loop.
final class ProviderDiscovery {
  typealias Completion = (Result<ProviderEndpoints, CodeFlowFault>) -> Void
  /// How a request is sent; answers later, once, on the loop.
  typealias Fetch = (FetchRequest, @escaping (Result<FetchResponse, FetchError>) -> Void) -> Void

  private let issuer: String
  private let certificateAuthorityFile: String?
  private let fetch: Fetch
  private let clock: () -> MonotonicTime
  private var known: (endpoints: ProviderEndpoints, fetchedAt: MonotonicTime)?
  private var failed: (fault: CodeFlowFault, at: MonotonicTime)?
  private var waiting: [Completion] = []
  private var isFetching = false

  /// As long as what was said is not asked again.
  private static let freshFor: Duration = .seconds(3600)
  /// After a failure nobody waits for another one.
  private static let pauseAfterFailure: Duration = .seconds(5)
  static let timeout: Duration = .seconds(5)
  static let waitingMax = 1024

  init(
    issuer: String, certificateAuthorityFile: String?, clock: @escaping () -> MonotonicTime = { .current },
    fetch: @escaping Fetch
  ) {
    self.issuer = issuer
    self.certificateAuthorityFile = certificateAuthorityFile
    self.clock = clock
    self.fetch = fetch
  }

  /// - Parameter completion: Called once, at once or later. Endpoints that are known are good until others are: a
  ///   provider that cannot be asked for a while takes nobody's sign-in away.
  func endpoints(_ completion: @escaping Completion) {
    let now = clock()
    if let failed, now < failed.at + ProviderDiscovery.pauseAfterFailure {
      return completion(known.map { .success($0.endpoints) } ?? .failure(failed.fault))
    }
    if let known {
      if now >= known.fetchedAt + ProviderDiscovery.freshFor { ask() }
      return completion(.success(known.endpoints))
    }
    guard waiting.count < ProviderDiscovery.waitingMax else { return completion(.failure(.tooManyWaiting)) }
    waiting.append(completion)
    ask()
  }

  private func ask() {
    guard !isFetching else { return }
    isFetching = true
    let request = FetchRequest(
      url: DiscoveryDocument.address(of: issuer), certificateAuthorityFile: certificateAuthorityFile,
      timeout: ProviderDiscovery.timeout)
    fetch(request) { [weak self] result in self?.ended(result) }
  }

  private func ended(_ result: Result<FetchResponse, FetchError>) {
    isFetching = false
    let outcome: Result<ProviderEndpoints, CodeFlowFault>
    do throws(CodeFlowFault) {
      let endpoints = try read(result)
      known = (endpoints, clock())
      failed = nil
      outcome = .success(endpoints)
    } catch {
      failed = (error, clock())
      outcome = .failure(error)
    }
    let told = waiting
    waiting = []
    for completion in told { completion(outcome) }
  }

  private func read(_ result: Result<FetchResponse, FetchError>) throws(CodeFlowFault) -> ProviderEndpoints {
    switch result {
    case .failure(let error): throw .fetch(error)
    case .success(let response):
      guard response.status == 200 else { throw .status(response.status, of: .discovery) }
      return try ProviderEndpoints(response.body.span, issuer: issuer)
    }
  }
}
