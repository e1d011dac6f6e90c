import HTTP

/// Hosts for which the case of letters in a path makes no difference, and the routes and the gateway's own paths as
/// their requests see them (SECURITY P-11, P-17).
///
/// ASCII letters alone are folded, those of escapes included: what servers make of others is anyone's guess.
public struct FoldedPaths: Sendable {
  private let hosts: RouteTable
  private let routes: RouteTable
  /// In the order of those that they are made of.
  let ownPaths: [OwnPath]

  /// nil where there are no such hosts.
  public init?(of hosts: [HostPattern], routes: [RoutePattern], ownPaths: [OwnPath] = []) {
    guard !hosts.isEmpty else { return nil }
    self.hosts = RouteTable(hosts.map { RoutePattern(host: $0, path: .root, methods: []) })
    self.routes = RouteTable(routes.map(\.foldingCase))
    self.ownPaths = ownPaths.map(\.foldingCase)
  }

  /// Whether paths of the host are folded.
  ///
  /// - Parameter host: Without a port and a trailing dot, in any case.
  public func areFor(_ host: Span<UInt8>) -> Bool {
    let root: InlineArray<1, UInt8> = [UInt8(ascii: "/")]
    return hosts.match(host: host, method: root.span, path: root.span) != nil
  }

  /// As `RouteTable.match`.
  ///
  /// - Parameter path: Folded.
  public func match(host: Span<UInt8>, method: Span<UInt8>, path: Span<UInt8>) -> Int? {
    routes.match(host: host, method: method, path: path)
  }

  /// Writes `path`, in the form in which others are matched, as it is matched here.
  ///
  /// - Parameter output: Overwritten; keeps its capacity.
  public static func fold(_ path: Span<UInt8>, to output: inout [UInt8]) {
    output.removeAll(keepingCapacity: true)
    for index in path.indices { output.append(FieldText.lowered(path[index])) }
  }
}

extension RoutePattern {
  /// What it is for requests whose paths are folded.
  public var foldingCase: RoutePattern { RoutePattern(host: host, path: path.foldingCase, methods: methods) }
}
