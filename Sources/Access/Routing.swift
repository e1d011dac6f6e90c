import HTTP

/// Maps a request's host, method and path to one of the gateway's own paths, or to the first route that matches.
///
/// Used by loops for the requests that they receive, and by `check`, `explain`, the configuration's tests and `replay`
/// for those that they evaluate: both are answered by the same table. Immutable.
public struct Routing: Sendable {
  private let ownPaths: [OwnPath]
  private let routes: RouteTable
  /// nil if paths of all hosts are case-sensitive.
  private let folded: FoldedPaths?

  /// - Parameters:
  ///   - ownPaths: The paths that the gateway answers itself.
  ///   - hosts: The hosts whose paths are case-insensitive (SECURITY P-11).
  public init(_ routes: [RoutePattern], ownPaths: [OwnPath], foldingPathsOf hosts: [HostPattern]) {
    self.ownPaths = ownPaths
    self.routes = RouteTable(routes)
    folded = FoldedPaths(of: hosts, routes: routes, ownPaths: ownPaths)
  }

  /// Whether paths of this host are case-insensitive.
  ///
  /// - Parameter host: Without a port or a trailing dot, in any case.
  public func foldsPaths(of host: Span<UInt8>) -> Bool { folded?.areFor(host) ?? false }

  /// The index of the first of the gateway's own paths that the request is for; nil if it is for the routes.
  ///
  /// - Parameter path: In the form in which paths of this host are matched: folded if `foldsPaths` says so.
  public func ownPath(host: Span<UInt8>, path: Span<UInt8>) -> Int? {
    if let folded, folded.areFor(host) { return Routing.first(of: folded.ownPaths, host: host, path: path) }
    return Routing.first(of: ownPaths, host: host, path: path)
  }

  private static func first(of paths: [OwnPath], host: Span<UInt8>, path: Span<UInt8>) -> Int? {
    for index in paths.indices where paths[index].isAt(path) && paths[index].isFor(host: host) { return index }
    return nil
  }

  /// The index of the first route that matches; nil if none does.
  ///
  /// - Parameter path: In the form in which paths of this host are matched: folded if `foldsPaths` says so.
  public func route(host: Span<UInt8>, method: Span<UInt8>, path: Span<UInt8>) -> Int? {
    if let folded, folded.areFor(host) { return folded.match(host: host, method: method, path: path) }
    return routes.match(host: host, method: method, path: path)
  }

  /// Whether any route or path of the gateway's own is for this host, whatever the path.
  public func isFor(host: Span<UInt8>) -> Bool {
    routes.isFor(host: host) || ownPaths.contains { $0.isFor(host: host) }
  }
}
