import HTTP

/// Which lines of a log are wanted. Of several words for one field any will do; of several fields all have to hold.
public struct LogFilter: Sendable {
  /// Statuses that are asked for together: `4xx`, or one.
  public struct Statuses: Sendable, Equatable {
    let range: ClosedRange<Int64>

    /// nil for what is neither a status of three digits nor a digit and `xx`.
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

  /// For each field by its name, the values that will do.
  public var values: [String: Set<String>] = [:]
  public var statuses: [Statuses] = []
  /// Canonical paths: each of them, in either spelling, and what is below it, will do.
  public var paths: [String] = []
  /// Whether only the program's messages are wanted. `values` are of their fields then.
  public var isOfMessages = false
  /// The earliest time, as lines write it.
  public var since: String?
  /// The first time that is too late.
  public var until: String?

  public init() {}

  /// Whether it asks for what only lines of the access log have.
  public var isOfRequests: Bool {
    !isOfMessages && !(values.isEmpty && statuses.isEmpty && paths.isEmpty)
  }

  /// Whether nothing is asked for.
  public var admitsAll: Bool {
    !isOfMessages && values.isEmpty && statuses.isEmpty && paths.isEmpty && since == nil && until == nil
  }

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
