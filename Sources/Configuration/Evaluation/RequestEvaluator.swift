import Access
import HTTP
public import Reason

/// Decides requests as the gateway does, by the same functions in the same order, without a connection and without a
/// Permit.
///
/// What a request meets beside the routes is left out: limits, `clients`, `rate_limit`, `cors`, the names of
/// certificates.
public struct RequestEvaluator: Sendable {
  /// The configuration whose routes are tried.
  public let configuration: GatewayConfiguration
  private let routing: Routing

  /// Prepares the routes for matching.
  public init(_ configuration: GatewayConfiguration) {
    self.configuration = configuration
    routing = Routing(
      configuration.routes.map(\.pattern), ownPaths: configuration.ownPaths,
      foldingPathsOf: configuration.caseInsensitivePaths)
  }

  /// A request with the route that it matches, before anyone is asked who sends it.
  public struct Routed: Sendable {
    /// The request as it was given.
    public let request: EvaluatedRequest
    /// Canonical; empty where there is none.
    public let path: [UInt8]
    /// With its `?`; empty where there is none.
    public let query: String
    /// Without a port.
    public let host: String
    /// The index of the route that it matches, in `GatewayConfiguration.routes`; nil: none.
    public let route: Int?
    /// The reason for which it is refused before a route's rule is consulted; nil: it is not.
    public let refusal: Reason?
    /// Whether the gateway answers it itself, before any route is looked for.
    public let isAnsweredHere: Bool
    /// Whether it is `OPTIONS *` (RFC 9112 §3.2.4), which is decided as `/` is and forwarded as it came.
    public let isAboutTheServer: Bool

    fileprivate init(
      _ request: EvaluatedRequest, path: [UInt8] = [], query: String = "", host: String = "", route: Int? = nil,
      refusal: Reason? = nil, isAnsweredHere: Bool = false, isAboutTheServer: Bool = false
    ) {
      self.request = request
      self.path = path
      self.query = query
      self.host = host
      self.route = route
      self.refusal = refusal
      self.isAnsweredHere = isAnsweredHere
      self.isAboutTheServer = isAboutTheServer
    }
  }

  /// Finds the route of a request, which is parsed by the same parser as one that was received.
  public func route(_ request: EvaluatedRequest) -> Routed {
    let bytes = [UInt8]("\(request.method) \(request.target) HTTP/1.1\r\nHost: \(request.host)\r\n\r\n".utf8)
    var head = RequestHead(fieldsMax: 1)
    do throws(HeadError) {
      let limits = HeadLimits(
        headBytesMax: configuration.limits.headBytesMax, fieldsMax: 1,
        targetBytesMax: configuration.limits.targetBytesMax)
      let isWhole = try RequestHeadParser.parse(bytes.span, from: 0, limits: limits, scheme: .http, into: &head)
      guard isWhole, head.length == bytes.count else { return Routed(request, refusal: .requestLineInvalid) }
    } catch {
      return Routed(request, refusal: error.reason)
    }
    var path: [UInt8] = [UInt8(ascii: "/")]
    var traits: PathTraits = []
    if head.targetForm != .asterisk {
      do throws(PathError) {
        traits = try CanonicalPath.write(bytes.span, head.path, to: &path)
      } catch {
        return Routed(request, refusal: error.reason)
      }
    }
    let (host, query) = (text(bytes, head.host), text(bytes, head.query))
    let name = bytes.span.extracting(head.host.lowerBound..<head.host.upperBound)
    let plain = plain(path)
    let matched = folded(plain, of: name)
    if configuration.forwardAuth?.ownPath.isAt(plain.span) == true {
      return Routed(request, path: path, query: query, host: host, isAnsweredHere: true)
    }
    if let own = routing.ownPath(host: name, path: matched.span) {
      let isPage = isPage(at: configuration.ownPaths[own], path)
      return Routed(
        request, path: path, query: query, host: host, refusal: isPage ? nil : .noRoute, isAnsweredHere: true)
    }
    let route = routing.route(host: name, method: request.method.utf8Span.span, path: matched.span)
    let kept = route.map { configuration.routes[$0].pathTraitsKept } ?? []
    return Routed(
      request, path: path, query: query, host: host, route: route,
      refusal: traits.subtracting(kept).refusal ?? (route == nil ? .noRoute : nil),
      isAboutTheServer: head.isAboutTheServer)
  }

  /// Whether there is something at the path, which is one of the gateway's own: nothing but pages of sign-in have paths
  /// below them.
  private func isPage(at own: OwnPath, _ path: [UInt8]) -> Bool {
    guard own.reach == .below, let provider = configuration.providers.first(where: { $0.pagePaths.contains(own) })
    else { return true }
    let name = String(decoding: path.dropFirst(own.path.utf8.count + 1), as: UTF8.self)
    return path.starts(with: own.path.utf8) && provider.pageNames.contains(name)
  }

  /// The path as it is matched.
  private func plain(_ path: [UInt8]) -> [UInt8] {
    var plain: [UInt8] = []
    CanonicalPath.writeMatched(path.span, to: &plain)
    return plain
  }

  /// A path that is matched, folded where its host wants that.
  private func folded(_ path: [UInt8], of host: Span<UInt8>) -> [UInt8] {
    guard routing.foldsPaths(of: host) else { return path }
    var lowered: [UInt8] = []
    FoldedPaths.fold(path.span, to: &lowered)
    return lowered
  }

  private func text(_ bytes: [UInt8], _ range: ByteRange) -> String {
    String(decoding: bytes[range.lowerBound..<range.upperBound], as: UTF8.self)
  }

  /// The first thing that does not match a route that was passed over.
  public enum Difference: String, Sendable { case host, path, method }

  /// The routes before the one that matches, each with the first thing that does not match. Empty where the request has
  /// no path, or the gateway answers it itself.
  public func passedOver(by routed: Routed) -> [(route: Int, difference: Difference)] {
    guard !routed.path.isEmpty, !routed.isAnsweredHere else { return [] }
    let host = routed.host.utf8Span.span
    let folds = routing.foldsPaths(of: host)
    let path = folded(plain(routed.path), of: host)
    // Whatever the method is: one with lower-case letters would match nowhere.
    func matches(_ pattern: RoutePattern) -> Bool {
      let method = [UInt8]("GET".utf8)
      return RouteTable([folds ? pattern.foldingCase : pattern])
        .match(host: routed.host.utf8Span.span, method: method.span, path: path.span) != nil
    }
    return configuration.routes.prefix(routed.route ?? configuration.routes.count).enumerated().map { index, route in
      var pattern = route.pattern
      pattern.methods = []
      if matches(pattern) { return (index, .method) }
      pattern.host = .any
      return (index, matches(pattern) ? .host : .path)
    }
  }
}
