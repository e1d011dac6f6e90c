internal import Fetch
public import HTTP
public import Sockets
public import Tokens

/// Why the endpoints cannot be asked, which is no reason to start without them.
public struct IntrospectionError: Error, Sendable, CustomStringConvertible {
  public let provider: String
  public let fault: IntrospectionFault

  public var description: String { "provider \"\(provider)\": introspection: \(fault)" }
}

/// The introspection endpoints of one configuration, with connections of their own. Bound to the control loop.
public final class IntrospectionClients {
  private let fetcher: Fetcher?
  private let introspectors: [Introspector?]

  /// Reads the credentials from their files; asks nothing yet.
  ///
  /// - Parameters:
  ///   - endpoints: One for each provider, in their order; nil where its tokens are not introspected.
  ///   - report: Told of what operators want to know.
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

  /// Asks about a token.
  ///
  /// - Parameters:
  ///   - provider: The provider's index.
  ///   - client: Who sent the token; nil where there is no address.
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

  /// Ends what is under way: nobody is told anything any more.
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
  /// Reads the client's credential, and asks nothing.
  ///
  /// - Throws: Where a gateway could not start with it.
  public func check() throws(IntrospectionFault) { _ = try IntrospectionRequest(self) }
}
