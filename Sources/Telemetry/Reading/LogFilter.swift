import HTTP

/// Which lines of a log are wanted. Of several values for one field any will do; of several fields all have to match.
public struct LogFilter: Sendable {
  /// Either one status or all of a class.
  public struct Statuses: Sendable, Equatable {
    let range: ClosedRange<Int64>

    /// Parses a status of three digits, or a first digit and `xx`, as in `4xx`; the first is 1 to 5. nil for anything
    /// else.
    public init?(_ text: String) {
      guard text.utf8.count == 3, let first = text.utf8.first,
        (UInt8(ascii: "1")...UInt8(ascii: "5")).contains(first)
      else { return nil }
      let hundred = Int64(first - UInt8(ascii: "0")) * 100
      if text.hasSuffix("xx") {
        range = hundred...hundred + 99
      } else if let status = Int64(text), status >= hundred {
        range = status...status
      } else {
        return nil
      }
    }
  }

  /// The values that will do, by the name of their field.
  public var values: [String: Set<String>] = [:]
  /// Any of these will do; empty: any status.
  public var statuses: [Statuses] = []
  /// Canonical paths. Each admits itself, in any spelling, and what is below it; empty: any path.
  public var paths: [String] = []
  /// Whether only program messages are wanted. `values` are then about their fields.
  public var isOfMessages = false
  /// The earliest time that is wanted, as lines write it; nil: any.
  public var since: String?
  /// The first time that is no longer wanted, as lines write it; nil: any.
  public var until: String?

  /// Admits every line.
  public init() {}

  /// Whether it asks for something that only lines of the access log have.
  public var isOfRequests: Bool {
    !isOfMessages && !(values.isEmpty && statuses.isEmpty && paths.isEmpty)
  }

  /// Whether it admits every line.
  public var admitsAll: Bool {
    !isOfMessages && values.isEmpty && statuses.isEmpty && paths.isEmpty && since == nil && until == nil
  }

  /// Whether the line is wanted.
  public func admits(_ line: LogLine) -> Bool {
    if let since, line.time < since { return false }
    if let until, line.time >= until { return false }
    if isOfMessages, line.kind != .message { return false }
    if isOfRequests, line.kind != .access { return false }
    for (name, wanted) in values {
      guard let value = line[name], wanted.contains(value) else { return false }
    }
    if !paths.isEmpty {
      guard let path = line["path"], paths.contains(where: { LogFilter.isAtOrBelow($0, path) }) else { return false }
    }
    guard !statuses.isEmpty else { return true }
    let status = line.number("status")
    return statuses.contains { statuses in status.map { statuses.range.contains($0) } ?? false }
  }

  private static func isAtOrBelow(_ wanted: String, _ path: String) -> Bool {
    let (wanted, path) = (matched(wanted), matched(path))
    guard path.starts(with: wanted) else { return false }
    let slash = UInt8(ascii: "/")
    return path.count == wanted.count || wanted.last == slash || path.dropFirst(wanted.count).first == slash
  }

  /// As routes are looked for: `/a%3Ab` is `/a:b`.
  private static func matched(_ path: String) -> [UInt8] {
    let bytes = [UInt8](path.utf8)
    guard bytes.contains(UInt8(ascii: "%")) else { return bytes }
    var matched: [UInt8] = []
    CanonicalPath.writeMatched(bytes.span, to: &matched)
    return matched
  }
}
