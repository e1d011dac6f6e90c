import HTTP

/// A path that the gateway answers itself; it takes precedence over all routes.
public struct OwnPath: Sendable, Hashable {
  /// In lower case, without a port; nil for any host.
  public let host: String?
  /// The canonical path.
  public let path: String
  /// Whether paths below it are the gateway's own, too.
  public let reach: Reach
  /// `path` in the form in which paths are matched.
  private var pathBytes: [UInt8]
  private let hostBytes: [UInt8]?
  /// nil unless the host is an IPv6 address.
  private let address: IPAddress?

  /// The request paths that it covers.
  public enum Reach: Sendable {
    /// The path itself.
    case exact
    /// The path itself and everything below it.
    case below
  }

  /// - Parameters:
  ///   - host: In lower case, without a port; nil for any host.
  ///   - path: Canonical.
  public init(host: String?, path: String, reach: Reach = .exact) {
    self.host = host
    self.path = path
    self.reach = reach
    var matched: [UInt8] = []
    CanonicalPath.writeMatched(path.utf8Span.span, to: &matched)
    pathBytes = matched
    hostBytes = host.map { [UInt8]($0.utf8) }
    address = host.flatMap { IPAddress(host: $0.utf8Span.span) }
  }

  /// The same for requests whose paths are folded (`FoldedPaths`).
  var foldingCase: OwnPath {
    var folding = self
    FoldedPaths.fold(pathBytes.span, to: &folding.pathBytes)
    return folding
  }

  /// Whether it covers the path of a request.
  ///
  /// - Parameter requested: In the form in which paths are matched (`CanonicalPath.writeMatched`), folded if this is.
  public func isAt(_ requested: Span<UInt8>) -> Bool {
    guard requested.count >= pathBytes.count else { return false }
    for index in pathBytes.indices where requested[index] != pathBytes[index] { return false }
    return requested.count == pathBytes.count || reach == .below && requested[pathBytes.count] == UInt8(ascii: "/")
  }

  /// Whether it is for this host.
  ///
  /// - Parameter requested: Without a port, in any case.
  public func isFor(host requested: Span<UInt8>) -> Bool {
    guard let hostBytes else { return true }
    if let address { return address == IPAddress(host: requested) }
    guard hostBytes.count == requested.count else { return false }
    for index in hostBytes.indices where FieldText.lowered(requested[index]) != hostBytes[index] { return false }
    return true
  }
}
