public import Fetch
public import Sockets
public import Tokens

/// How a service reaches its provider: from anywhere, answered on any thread, once.
public struct ProviderAccess: Sendable {
  let endpoints: @Sendable (@escaping @Sendable (Result<ProviderEndpoints, CodeFlowFault>) -> Void) -> Void
  let fetch: @Sendable (FetchRequest, @escaping @Sendable (Result<FetchResponse, FetchError>) -> Void) -> Void
  /// The provider's keys as they are known now.
  let keys: @Sendable () -> KeySet?
  /// Looks for other keys, as far as that is allowed now, and says what is known then.
  let newKeys: @Sendable (@escaping @Sendable (KeySet?) -> Void) -> Void

  init(
    endpoints: @escaping @Sendable (@escaping @Sendable (Result<ProviderEndpoints, CodeFlowFault>) -> Void) -> Void,
    fetch: @escaping @Sendable (FetchRequest, @escaping @Sendable (Result<FetchResponse, FetchError>) -> Void) -> Void,
    keys: @escaping @Sendable () -> KeySet?,
    newKeys: @escaping @Sendable (@escaping @Sendable (KeySet?) -> Void) -> Void
  ) {
    self.endpoints = endpoints
    self.fetch = fetch
    self.keys = keys
    self.newKeys = newKeys
  }

  /// - Parameters:
  ///   - fetcher: Of its own, bound to `loop`.
  ///   - loop: Where it is asked from.
  public init(
    issuer: String, certificateAuthorityFile: String?, fetcher: sending Fetcher, loop: EventLoop,
    keys: @escaping @Sendable () -> KeySet?,
    newKeys: @escaping @Sendable (@escaping @Sendable (KeySet?) -> Void) -> Void
  ) {
    let asker = Asker(issuer: issuer, certificateAuthorityFile: certificateAuthorityFile, fetcher: fetcher)
    let held = Held(LoopBound(asker, loop: loop))
    endpoints = { completion in held.asker.async { $0.discovery.endpoints { completion($0) } } }
    fetch = { request, completion in held.asker.async { $0.fetcher.fetch(request) { completion($0) } } }
    self.keys = keys
    self.newKeys = newKeys
  }

  /// Has what lives on the loop end there too, wherever the last service ends that asks by it.
  private final class Held: Sendable {
    let asker: LoopBound<Asker>

    init(_ asker: LoopBound<Asker>) { self.asker = asker }
    deinit { asker.async { _ in } }
  }

  /// What lives on the loop.
  private final class Asker {
    let fetcher: Fetcher
    let discovery: ProviderDiscovery

    init(issuer: String, certificateAuthorityFile: String?, fetcher: Fetcher) {
      self.fetcher = fetcher
      discovery = ProviderDiscovery(issuer: issuer, certificateAuthorityFile: certificateAuthorityFile) {
        fetcher.fetch($0, completion: $1)
      }
    }
  }
}
