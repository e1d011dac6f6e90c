public import HTTP
import Reason

/// How the path that is forwarded is made from the canonical path of the request, which the route's pattern matches.
public struct PathRewrite: Sendable, Hashable {
  private enum Part: Sendable, Hashable {
    case literal([UInt8])
    /// A segment of the request's path, by its place in it.
    case segment(Int)
  }

  private var parts: [Part] = []
  /// What lies behind so many segments follows at the end, with its slash; nil: nothing does.
  private var restAfter: Int?

  /// What is left once `prefix` is taken away; `/` where nothing is.
  ///
  /// - Parameters:
  ///   - prefix: Literal segments, with which `pattern` begins.
  ///   - pattern: The route's, as written; a good one.
  public init(stripping prefix: String, from pattern: String) throws(PatternError) {
    let (stripped, whole) = (try PathPattern(prefix), try PathPattern(pattern))
    guard !stripped.matchesBelow, !stripped.segments.contains(.any) else {
      throw PatternError("it must be a path without `*`, `**` or `{name}`")
    }
    guard !stripped.segments.isEmpty else { throw PatternError("there is nothing to strip") }
    guard whole.segments.starts(with: stripped.segments) else {
      throw PatternError("the route's path does not begin with it")
    }
    restAfter = stripped.segments.count
  }

  /// - Parameters:
  ///   - template: A path whose `{name}` and `**` stand in `pattern` too; other segments are written as they are.
  ///   - pattern: The route's, as written; a good one.
  public init(_ template: String, of pattern: String) throws(PatternError) {
    let (target, whole) = (try PathPattern(template), try PathPattern(pattern))
    if target.matchesBelow {
      guard whole.matchesBelow else { throw PatternError("`**` is not in the route's path") }
      restAfter = whole.segments.count
    }
    for ((segment, part), name) in zip(zip(target.segments, PathPattern.parts(template)), PathPattern.names(template)) {
      switch segment {
      case .literal:
        let segment = try PathPattern.canonical(part)
        append([UInt8(ascii: "/")] + segment)
      case .any:
        guard let name else { throw PatternError("`*` has no name; write `{name}` here and in the route's path") }
        let place = try PathPattern.place(of: name, in: pattern)
        append([UInt8(ascii: "/")])
        parts.append(.segment(place))
      }
    }
    if template.hasSuffix("/"), !parts.isEmpty, restAfter == nil { append([UInt8(ascii: "/")]) }
  }

  private mutating func append(_ bytes: [UInt8]) {
    guard case .literal(let before) = parts.last else {
      parts.append(.literal(bytes))
      return
    }
    parts[parts.count - 1] = .literal(before + bytes)
  }

  /// Writes the path that is forwarded.
  ///
  /// - Parameters:
  ///   - path: In canonical form; the pattern matches it.
  ///   - kept: What the route lets through.
  ///   - output: Overwritten.
  /// - Throws: Where the result is no path that is let through (SECURITY P-2, P-4). It begins with one slash, whatever
  ///   the route keeps: `//host/` means another server to some.
  public func write(_ path: Span<UInt8>, keeping kept: PathTraits, to output: inout [UInt8]) throws(PathError) {
    let segments = PathSegments(path)
    var made: [UInt8] = []
    made.reserveCapacity(path.count + 64)
    for part in parts {
      switch part {
      case .literal(let bytes): made += bytes
      case .segment(let place): segments.append(place, of: path, to: &made)
      }
    }
    if let restAfter { segments.append(from: restAfter, of: path, to: &made) }
    let traits = try CanonicalPath.write(made.span, ByteRange(0, made.count), to: &output)
    if let reason = traits.subtracting(kept).refusal { throw PathError(reason: reason) }
    if output.count > 1, output[1] == UInt8(ascii: "/") { throw PathError(reason: .pathDoubleSlash) }
  }
}

/// Where the segments of a path begin and end.
private struct PathSegments {
  private var ranges: [ByteRange] = []

  init(_ path: Span<UInt8>) {
    var start = 1
    while start <= path.count {
      var end = start
      while end < path.count, path[end] != UInt8(ascii: "/") { end += 1 }
      ranges.append(ByteRange(start, end))
      start = end + 1
    }
  }

  func append(_ place: Int, of path: Span<UInt8>, to output: inout [UInt8]) {
    guard place < ranges.count else { return }
    output.append(path, ranges[place])
  }

  /// What begins with the slash in front of segment `place`.
  func append(from place: Int, of path: Span<UInt8>, to output: inout [UInt8]) {
    guard place < ranges.count else { return }
    output.append(path.extracting((ranges[place].lowerBound - 1)...))
  }
}
