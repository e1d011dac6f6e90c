import HTTP

/// What a request's host, method and path lead to: a path of the gateway's own, or the first route that matches.
///
/// Loops ask it for the requests that come, and `check`, `explain`, the configuration's tests and `replay` for those
/// that are evaluated: both are answered by the same table. Immutable.
public struct Routing: Sendable {
  private let ownPaths: [OwnPath]
  private let routes: RouteTable
  /// nil: of no host.
  private let folded: FoldedPaths?

  /// - Parameters:
  ///   - ownPaths: What the gateway answers itself.
  ///   - hosts: Those for which the case of letters in a path makes no difference (SECURITY P-11).
  public init(_ routes: [RoutePattern], ownPaths: [OwnPath], foldingPathsOf hosts: [HostPattern]) {
    self.ownPaths = ownPaths
    self.routes = RouteTable(routes)
    folded = FoldedPaths(of: hosts, routes: routes)
  }

  /// Whether the case of letters in paths of this host makes no difference.
  ///
  /// - Parameter host: Without a port and a trailing dot, in any case.
  public func foldsPaths(of host: Span<UInt8>) -> Bool { folded?.areFor(host) ?? false }

  /// The first of the gateway's own paths that the request is for; nil: it is for the routes.
  ///
  /// - Parameter path: As paths of this host are matched: folded where `foldsPaths` says so.
  public func ownPath(host: Span<UInt8>, path: Span<UInt8>) -> Int? {
    for index in ownPaths.indices where ownPaths[index].isAt(path) && ownPaths[index].isFor(host: host) { return index }
    return nil
  }

  /// The first route that takes requests with this method; nil where none does.
  ///
  /// - Parameter path: As paths of this host are matched: folded where `foldsPaths` says so.
  public func route(host: Span<UInt8>, method: Span<UInt8>, path: Span<UInt8>) -> Int? {
    if let folded, folded.areFor(host) { return folded.match(host: host, method: method, path: path) }
    return routes.match(host: host, method: method, path: path)
  }

  /// Whether there is anything for this host, whatever the path.
  public func isFor(host: Span<UInt8>) -> Bool {
    routes.isFor(host: host) || ownPaths.contains { $0.isFor(host: host) }
  }
}
