import HTTP

/// The routes, compiled: finds the first, in the order of the file, that matches.
///
/// A trie of segments for each host pattern. A lookup reads the path once for each way through the trie that it can
/// take, so it does not depend on routes that share no prefix with it. Immutable; a class, so that nothing of it is copied
/// to be looked at.
public final class RouteTable: Sendable {
  fileprivate struct Terminal: Sendable {
    let route: Int
    /// Empty: all.
    let methods: [[UInt8]]
  }

  fileprivate struct Node: Sendable {
    /// The child for any segment that is not empty; -1: none.
    var anyChild = -1
    /// Routes that end here.
    var exact: [Terminal] = []
    /// Routes that end here with `**`.
    var below: [Terminal] = []
    /// The first of the routes at or below this node: a subtree that cannot win is not entered.
    var firstRoute = Int.max
  }

  private let nodes: [Node]
  private let children: ByteTable
  /// Host names to roots: under 0 exact ones, under 1 those whose subdomains match.
  private let hosts: ByteTable
  private let anyHost: Int
  private let hasWildcards: Bool

  /// Compiles the patterns; their indices are what `match` returns.
  public init(_ patterns: [RoutePattern]) {
    var builder = RouteTableBuilder()
    for (route, pattern) in patterns.enumerated() { builder.insert(pattern, route) }
    nodes = builder.nodes
    children = builder.children
    hosts = builder.hosts
    anyHost = builder.anyHost
    hasWildcards = builder.hasWildcards
  }

  /// The first route that matches; nil where none does.
  ///
  /// A method with a lower-case letter matches none: `delete` is another one than DELETE (RFC 9110 §9.1), but
  /// applications take it for that (Django, Flask), and a route for all methods is often looser than the one for DELETE.
  ///
  /// - Parameters:
  ///   - host: Without a port and a trailing dot, in any case; an IPv6 address in brackets, in any form.
  ///   - path: In the form in which paths are matched (`CanonicalPath.writeMatched`).
  public func match(host: Span<UInt8>, method: Span<UInt8>, path: Span<UInt8>) -> Int? {
    guard !hasLowerCase(method) else { return nil }
    var best = Int.max
    var ends = SegmentEnds(repeating: 0)
    if anyHost >= 0 { visit(anyHost, path, 0, 0, method, &ends, &best) }
    matchHost(host) { root in visit(root, path, 0, 0, method, &ends, &best) }
    return best == Int.max ? nil : best
  }

  /// Whether a route is for this host, whatever the path.
  ///
  /// - Parameter host: As of `match`.
  public func isFor(host: Span<UInt8>) -> Bool {
    if anyHost >= 0 { return true }
    var isFound = false
    matchHost(host) { _ in isFound = true }
    return isFound
  }

  // MARK: Matching

  /// Calls `body` with the roots of the host's own routes, and of the wildcards above it.
  private func matchHost(_ host: Span<UInt8>, _ body: (Int) -> Void) {
    // Patterns have addresses in one form (`HostPattern`).
    if let address = IPAddress(host: host) {
      let text = [UInt8](address.host.utf8)
      if let root = hosts.find(0, text.span, 0, text.count) { body(root) }
      return
    }
    let count = min(host.count, RouteTable.hostBytesMax)
    if count < host.count { return }
    var lowered = InlineArray<256, UInt8>(repeating: 0)
    for index in 0..<count { lowered[index] = FieldText.lowered(host[index]) }
    let name = lowered.span
    if let root = hosts.find(0, name, 0, count) { body(root) }
    guard hasWildcards else { return }
    for index in 0..<count where name[index] == UInt8(ascii: ".") && index > 0 {
      if let root = hosts.find(1, name, index + 1, count) { body(root) }
    }
  }

  private func hasLowerCase(_ method: Span<UInt8>) -> Bool {
    for index in method.indices where method[index] >= UInt8(ascii: "a") && method[index] <= UInt8(ascii: "z") {
      return true
    }
    return false
  }

  /// Looks for a better route than `best` at `node`, whose `depth` segments are used up to `offset`: the end, or a slash.
  private func visit(
    _ node: Int, _ path: Span<UInt8>, _ offset: Int, _ depth: Int, _ method: Span<UInt8>, _ ends: inout SegmentEnds,
    _ best: inout Int
  ) {
    guard nodes[node].firstRoute < best else { return }
    take(nodes[node].below, method, &best)
    let count = path.count
    if offset >= count || (offset + 1 == count && path[offset] == UInt8(ascii: "/")) {
      take(nodes[node].exact, method, &best)
      return
    }
    let start = offset + 1
    let end = segmentEnd(path, start, depth, &ends)
    if let child = children.find(node, path, start, end) {
      visit(child, path, end, depth + 1, method, &ends, &best)
    }
    let anyChild = nodes[node].anyChild
    if anyChild >= 0, end > start { visit(anyChild, path, end, depth + 1, method, &ends, &best) }
  }

  /// Where the first segments end, 0 where that is not known yet: each is read once, however many ways lead to it.
  private typealias SegmentEnds = InlineArray<32, Int>

  /// Where the segment at `start` ends, the one behind `depth` others.
  private func segmentEnd(_ path: Span<UInt8>, _ start: Int, _ depth: Int, _ ends: inout SegmentEnds) -> Int {
    if depth < ends.count, ends[depth] > 0 { return ends[depth] }
    var end = start
    while end < path.count, path[end] != UInt8(ascii: "/") { end += 1 }
    if depth < ends.count { ends[depth] = end }
    return end
  }

  private func take(_ terminals: [Terminal], _ method: Span<UInt8>, _ best: inout Int) {
    for index in terminals.indices where terminals[index].route < best {
      if terminals[index].methods.isEmpty || isAmong(terminals[index].methods, method) { best = terminals[index].route }
    }
  }

  private func isAmong(_ methods: [[UInt8]], _ method: Span<UInt8>) -> Bool {
    for name in methods {
      if name.span.isSame(as: method) { return true }
    }
    return false
  }

  /// Names are at most 255 bytes (RFC 1035 §2.3.4); longer ones are refused before a route is looked for.
  private static let hostBytesMax = 255
}

/// What a `RouteTable` is made of, while it grows.
private struct RouteTableBuilder {
  var nodes: [RouteTable.Node] = []
  var children = ByteTable()
  var hosts = ByteTable()
  var anyHost = -1
  var hasWildcards = false

  mutating func insert(_ pattern: RoutePattern, _ route: Int) {
    var node = root(of: pattern.host)
    nodes[node].firstRoute = min(nodes[node].firstRoute, route)
    for segment in pattern.path.segments {
      node = child(of: node, segment)
      nodes[node].firstRoute = min(nodes[node].firstRoute, route)
    }
    var methods = pattern.methods.map { [UInt8]($0.utf8) }
    if pattern.methods.contains("GET"), !pattern.methods.contains("HEAD") { methods.append([UInt8]("HEAD".utf8)) }
    let terminal = RouteTable.Terminal(route: route, methods: methods)
    if pattern.path.matchesBelow { nodes[node].below.append(terminal) } else { nodes[node].exact.append(terminal) }
  }

  private mutating func root(of host: HostPattern) -> Int {
    switch host {
    case .any:
      if anyHost < 0 { anyHost = add() }
      return anyHost
    case .exact(let name): return root(0, name)
    case .below(let name):
      hasWildcards = true
      return root(1, name)
    }
  }

  private mutating func root(_ kind: Int, _ name: String) -> Int {
    let bytes = [UInt8](name.utf8)
    if let found = hosts.find(kind, bytes.span, 0, bytes.count) { return found }
    let node = add()
    hosts.insert(kind, bytes, node)
    return node
  }

  private mutating func child(of node: Int, _ segment: PathPattern.Segment) -> Int {
    switch segment {
    case .any:
      if nodes[node].anyChild < 0 { nodes[node].anyChild = add() }
      return nodes[node].anyChild
    case .literal(let bytes):
      if let found = children.find(node, bytes.span, 0, bytes.count) { return found }
      let child = add()
      children.insert(node, bytes, child)
      return child
    }
  }

  private mutating func add() -> Int {
    nodes.append(RouteTable.Node())
    return nodes.count - 1
  }
}
