/// Finds the routes that have requests in common with a pattern, without looking at all of them.
public struct RoutePatternIndex: Sendable {
  private struct Entry: Sendable {
    let route: Int
    let group: Int
  }

  private struct Node: Sendable {
    /// The child for any segment; -1: none.
    var anyChild = -1
    var children: [Int] = []
    /// Routes that end here.
    var exact: [Entry] = []
    /// Routes that end here with `**`.
    var below: [Entry] = []
    /// The last route at or below this node.
    var lastRoute = -1
    /// The group of all routes at or below this node; nil: of more than one.
    var group: Int?
  }

  private var nodes: [Node] = []
  private var children = ByteTable()
  private var roots: [HostPattern: Int] = [:]

  /// An index of no routes.
  public init() {}

  /// Adds a route. Routes may be added in any order.
  ///
  /// - Parameters:
  ///   - route: The route's number in the order of the file.
  ///   - group: A number that is the same for routes that need not be told apart.
  public mutating func insert(_ pattern: RoutePattern, route: Int, group: Int = 0) {
    var node = root(of: pattern.host, group)
    note(route, group, at: node)
    for segment in pattern.path.segments {
      node = child(of: node, segment, group)
      note(route, group, at: node)
    }
    let entry = Entry(route: route, group: group)
    if pattern.path.matchesBelow { nodes[node].below.append(entry) } else { nodes[node].exact.append(entry) }
  }

  /// Calls `body` with the number of each route whose host and path match all that those of `pattern` match.
  public func forEachCovering(_ pattern: RoutePattern, _ body: (Int) -> Void) {
    for host in pattern.host.covering {
      if let root = roots[host] { visitCovering(root, pattern.path, 0, body) }
    }
  }

  /// The routes after `route`, in other groups than `group`, that share a host and a path with `pattern`, in their
  /// order.
  public func overlapping(_ pattern: RoutePattern, after route: Int, otherThan group: Int) -> [Int] {
    var search = Search(path: pattern.path, after: route, group: group)
    let covering = pattern.host.covering
    for host in covering { if let root = roots[host] { visit(root, 0, &search) } }
    if case .exact = pattern.host { return search.found.sorted() }
    // Hosts that this one covers.
    for (host, root) in roots where host != pattern.host && pattern.host.covers(host) { visit(root, 0, &search) }
    return search.found.sorted()
  }

  // MARK: Looking

  private func visitCovering(_ node: Int, _ path: PathPattern, _ depth: Int, _ body: (Int) -> Void) {
    for entry in nodes[node].below { body(entry.route) }
    guard depth < path.segments.count else {
      if !path.matchesBelow { for entry in nodes[node].exact { body(entry.route) } }
      return
    }
    if case .literal(let bytes) = path.segments[depth],
      let child = children.find(node, bytes.span, 0, bytes.count)
    {
      visitCovering(child, path, depth + 1, body)
    }
    if nodes[node].anyChild >= 0 { visitCovering(nodes[node].anyChild, path, depth + 1, body) }
  }

  private struct Search {
    let path: PathPattern
    let after: Int
    let group: Int
    var found: [Int] = []
  }

  private func visit(_ node: Int, _ depth: Int, _ search: inout Search) {
    guard nodes[node].lastRoute > search.after, nodes[node].group != search.group else { return }
    take(nodes[node].below, &search)
    guard depth < search.path.segments.count else {
      take(nodes[node].exact, &search)
      // What is longer is taken by a `**` alone.
      if search.path.matchesBelow { visitChildren(of: node, depth, &search) }
      return
    }
    guard case .literal(let bytes) = search.path.segments[depth] else {
      visitChildren(of: node, depth + 1, &search)
      return
    }
    if let child = children.find(node, bytes.span, 0, bytes.count) { visit(child, depth + 1, &search) }
    if nodes[node].anyChild >= 0 { visit(nodes[node].anyChild, depth + 1, &search) }
  }

  private func visitChildren(of node: Int, _ depth: Int, _ search: inout Search) {
    for child in nodes[node].children { visit(child, depth, &search) }
    if nodes[node].anyChild >= 0 { visit(nodes[node].anyChild, depth, &search) }
  }

  private func take(_ entries: [Entry], _ search: inout Search) {
    for entry in entries where entry.route > search.after && entry.group != search.group {
      search.found.append(entry.route)
    }
  }

  // MARK: Growing

  private mutating func note(_ route: Int, _ group: Int, at node: Int) {
    nodes[node].lastRoute = max(nodes[node].lastRoute, route)
    if nodes[node].group != group { nodes[node].group = nil }
  }

  private mutating func root(of host: HostPattern, _ group: Int) -> Int {
    if let root = roots[host] { return root }
    let root = add(group)
    roots[host] = root
    return root
  }

  private mutating func child(of node: Int, _ segment: PathPattern.Segment, _ group: Int) -> Int {
    switch segment {
    case .any:
      if nodes[node].anyChild < 0 { nodes[node].anyChild = add(group) }
      return nodes[node].anyChild
    case .literal(let bytes):
      if let found = children.find(node, bytes.span, 0, bytes.count) { return found }
      let child = add(group)
      children.insert(node, bytes, child)
      nodes[node].children.append(child)
      return child
    }
  }

  private mutating func add(_ group: Int) -> Int {
    nodes.append(Node(group: group))
    return nodes.count - 1
  }
}

extension HostPattern {
  /// Itself, and all others that cover it, each once.
  fileprivate var covering: [HostPattern] {
    guard let name else { return [.any] }
    var covering: [HostPattern] = [.any, self]
    var rest = name[...]
    while let dot = rest.firstIndex(of: ".") {
      rest = rest[rest.index(after: dot)...]
      covering.append(.below(String(rest)))
    }
    return covering
  }
}
