import Configuration
import Fetch
import HTTP
import Keys
import Synchronization
import Tokens

/// What an issuer answers now to what a gateway asks it for: once, and without a memory.
struct IssuerResponses: Sendable {
  struct Response<Value: Sendable>: Sendable {
    let address: ShownURL
    let result: Result<Value, KeyFault>
  }

  /// nil: the provider names its keys itself, and no browser signs in at the issuer.
  private(set) var discovery: Response<DiscoveryDocument>?
  /// nil: it is not known where they are, or they are not fetched.
  private(set) var keys: Response<FetchResponse>?

  /// Asks the issuer of a provider that fetches its keys, or at which browsers sign in, and waits.
  init(_ provider: ProviderConfiguration) throws {
    let responses = Mutex(IssuerResponses())
    try CurrentKeys.onLoop { loop, done in
      do throws(FetchError) {
        let fetcher = try Fetcher(loop: loop)
        IssuerResponses.ask(fetcher, provider) { response in
          responses.withLock { $0 = response }
          done()
        }
      } catch {
        done()
      }
    }
    self = responses.withLock { $0 }
  }

  private init() {}

  private static func ask(
    _ fetcher: Fetcher, _ provider: ProviderConfiguration, _ completion: @escaping (IssuerResponses) -> Void
  ) {
    var responses = IssuerResponses()
    func askKeys(_ address: String) {
      get(fetcher, address, provider) { result in
        responses.keys = Response(address: ShownURL(address), result: result)
        completion(responses)
      }
    }
    var named: String?
    if case .jwksURL(let address) = provider.keys { named = address }
    // The endpoints of the code flow are always the discovery document's.
    if let named, provider.codeFlow == nil { return askKeys(named) }
    let address = DiscoveryDocument.address(of: provider.policy.issuer)
    get(fetcher, address, provider) { response in
      let document: Result<DiscoveryDocument, KeyFault>
      do throws(KeyFault) {
        let body = try response.get().body
        document = .success(try DiscoveryDocument(body.span, issuer: provider.policy.issuer))
      } catch {
        document = .failure(error)
      }
      responses.discovery = Response(address: ShownURL(address), result: document)
      if let named { return askKeys(named) }
      guard case .discovery = provider.keys, case .success(let found) = document else { return completion(responses) }
      askKeys(found.keySetAddress)
    }
  }

  /// A response with status 200.
  private static func get(
    _ fetcher: Fetcher, _ address: String, _ provider: ProviderConfiguration,
    _ completion: @escaping (Result<FetchResponse, KeyFault>) -> Void
  ) {
    var request = FetchRequest(
      url: address, certificateAuthorityFile: provider.certificateAuthorityFile,
      accept: "application/jwk-set+json, application/json")
    request.readsCertificates = true
    fetcher.fetch(request) { result in
      // Held until then.
      withExtendedLifetime(fetcher) {}
      switch result {
      case .failure(let fault): completion(.failure(.fetch(fault)))
      case .success(let response) where response.status != 200: completion(.failure(.status(response.status)))
      case .success(let response): completion(.success(response))
      }
    }
  }
}
