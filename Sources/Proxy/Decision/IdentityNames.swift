import HTTP

/// Names of identity headers, for proxies that replace what a client sends with what they are told.
struct IdentityNames: Sendable {
  /// Each once, ignoring case.
  private let names: [[UInt8]]

  init(_ names: [String]) {
    var taken: Set<String> = []
    self.names = names.filter { taken.insert($0.lowercased()).inserted }.map { [UInt8]($0.utf8) }
  }

  /// A line without a value for each header missing from `fields`, the rendered identity headers: a proxy that is told
  /// nothing of a header would let the client's pass (SECURITY I-1).
  func emptyFields(besides fields: Span<UInt8>) -> [UInt8] {
    var output: [UInt8] = []
    for name in names where !IdentityNames.has(name, fields) {
      output += name
      output += ": \r\n".utf8
    }
    return output
  }

  /// Whether the name of the line is one of them, ignoring case.
  func contain(_ bytes: Span<UInt8>, _ line: FieldLine) -> Bool {
    for name in names where name.count == line.name.count && IdentityNames.isAt(line.name.lowerBound, bytes, name) {
      return true
    }
    return false
  }

  private static func has(_ name: [UInt8], _ fields: Span<UInt8>) -> Bool {
    var start = 0
    while start < fields.count {
      let end = start + name.count
      if end < fields.count, fields[end] == UInt8(ascii: ":"), isAt(start, fields, name) { return true }
      while start < fields.count, fields[start] != UInt8(ascii: "\n") { start += 1 }
      start += 1
    }
    return false
  }

  /// Whether the bytes from `start` on are the name, ignoring case; there are as many.
  private static func isAt(_ start: Int, _ bytes: Span<UInt8>, _ name: [UInt8]) -> Bool {
    for index in name.indices where FieldText.lowered(name[index]) != FieldText.lowered(bytes[start + index]) {
      return false
    }
    return true
  }
}
