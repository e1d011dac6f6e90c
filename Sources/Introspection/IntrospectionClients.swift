internal import Fetch
public import HTTP
public import Sockets
public import Tokens

/// An introspection endpoint cannot be asked, so that the gateway must not start with it.
public struct IntrospectionError: Error, Sendable, CustomStringConvertible {
  /// The name of the provider.
  public let provider: String
  /// Why its endpoint cannot be asked.
  public let fault: IntrospectionFault

  /// For operators, without secrets.
  public var description: String { "provider \"\(provider)\": introspection: \(fault)" }
}

/// The introspection endpoints of one configuration, with connections of their own. Bound to the control loop.
public final class IntrospectionClients {
  private let fetcher: Fetcher?
  private let introspectors: [Introspector?]

  /// Reads the credentials from their files, and sends nothing yet.
  ///
  /// - Parameters:
  ///   - endpoints: One for each provider, in their order; nil where its tokens are not introspected.
  ///   - loop: The control loop.
  ///   - report: Called on `loop` with what operators want to know.
  /// - Throws: If a credential cannot be used, or libcurl cannot.
  public init(
    _ endpoints: [IntrospectionEndpoint?], loop: EventLoop, report: @escaping (IntrospectionEvent) -> Void
  ) throws(IntrospectionError) {
    var introspectors: [Introspector?] = []
    var fetcher: Fetcher?
    for endpoint in endpoints {
      guard let endpoint else {
        introspectors.append(nil)
        continue
      }
      do throws(IntrospectionFault) {
        if fetcher == nil { fetcher = try IntrospectionClients.makeFetcher(loop) }
        guard let shared = fetcher else { continue }
        introspectors.append(
          try Introspector(
            endpoint, loop: loop, fetch: { request, completion in shared.fetch(request, completion: completion) },
            report: report))
      } catch {
        throw IntrospectionError(provider: endpoint.policy.provider, fault: error)
      }
    }
    self.introspectors = introspectors
    self.fetcher = fetcher
  }

  /// Asks the issuer about a token.
  ///
  /// - Parameters:
  ///   - provider: The provider's index; for one without an endpoint the result is `unavailable`.
  ///   - client: The address of the sender; nil where there is none.
  ///   - completion: Called once, at once or later, on the control loop; never after `stop`.
  public func introspect(
    _ token: [UInt8], provider: Int, client: IPAddress?, completion: @escaping (IntrospectionResult) -> Void
  ) {
    guard introspectors.indices.contains(provider), let introspector = introspectors[provider] else {
      completion(.unavailable)
      return
    }
    introspector.introspect(token, client: client, completion: completion)
  }

  /// Ends what is in progress, without calling completions.
  public func stop() {
    for introspector in introspectors { introspector?.stop() }
    fetcher?.stop()
  }

  private static func makeFetcher(_ loop: EventLoop) throws(IntrospectionFault) -> Fetcher {
    do throws(FetchError) {
      return try Fetcher(loop: loop)
    } catch {
      throw .fetch(error)
    }
  }
}

extension IntrospectionEndpoint {
  /// Reads the client's credential, and sends nothing.
  ///
  /// - Throws: If the gateway could not start with it.
  public func check() throws(IntrospectionFault) { _ = try IntrospectionRequest(self) }
}
