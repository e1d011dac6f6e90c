import HTTP

/// The names of a route's identity headers, for proxies that replace what a client sends with what they are told.
struct IdentityNames: Sendable {
  private let names: [[UInt8]]

  init(_ names: [String]) { self.names = names.map { [UInt8]($0.utf8) } }

  /// A line without a value for each header missing from `fields`, the rendered identity headers: a proxy that is told
  /// nothing of a header would let the client's pass (SECURITY I-1).
  func emptyFields(besides fields: Span<UInt8>) -> [UInt8] {
    var output: [UInt8] = []
    for name in names where !IdentityNames.has(name, fields) { output += name + ": \r\n".utf8 }
    return output
  }

  /// Whether the name of the line is one of them, ignoring case.
  func contain(_ bytes: Span<UInt8>, _ line: FieldLine) -> Bool {
    for name in names where name.count == line.name.count {
      var isSame = true
      for index in name.indices
      where FieldText.lowered(name[index]) != FieldText.lowered(bytes[line.name.lowerBound + index]) {
        isSame = false
        break
      }
      if isSame { return true }
    }
    return false
  }

  private static func has(_ name: [UInt8], _ fields: Span<UInt8>) -> Bool {
    var start = 0
    while start < fields.count {
      if start + name.count < fields.count, fields[start + name.count] == UInt8(ascii: ":") {
        if fields.extracting(start..<start + name.count).isSame(as: name.span) { return true }
      }
      while start < fields.count, fields[start] != UInt8(ascii: "\n") { start += 1 }
      start += 1
    }
    return false
  }
}
