/// What an upstream was sent on one connection, read the way that a careless server would.
///
/// It shares nothing with the gateway's parser: what that one overlooks must not be overlooked here as well.
struct ArrivedRequest {
  struct Field: Equatable {
    let name: String
    let value: String
  }

  private(set) var fields: [Field] = []
  /// Whether its end was found.
  private(set) var isWhole = false
  /// What followed its end, which a server would take for another request.
  private(set) var rest: [UInt8] = []
  /// Both Content-Length and Transfer-Encoding: two servers may find different ends.
  private(set) var isAmbiguous = false

  init(_ bytes: [UInt8]) {
    guard let headEnd = ArrivedRequest.end(of: [0x0D, 0x0A, 0x0D, 0x0A], in: bytes, from: 0) else {
      fields = ArrivedRequest.fields(bytes[...])
      return
    }
    fields = ArrivedRequest.fields(bytes[..<headEnd])
    let length = value(of: "content-length").flatMap { Int($0) }
    let isChunked = value(of: "transfer-encoding") != nil
    isAmbiguous = isChunked && value(of: "content-length") != nil
    var bodyEnd = headEnd
    if isChunked {
      // No chunk of the probe's begins with it.
      guard let end = ArrivedRequest.end(of: Array("0\r\n\r\n".utf8), in: bytes, from: headEnd) else { return }
      bodyEnd = end
    } else if let length {
      guard length <= bytes.count - headEnd else { return }
      bodyEnd += length
    }
    isWhole = true
    rest = Array(bytes[bodyEnd...])
  }

  /// Whether an application could take `text`, which the client sent, for the gateway's own `name`.
  func shows(_ text: String, as name: String) -> Bool {
    if isAmbiguous || !rest.isEmpty { return true }
    let folded = ArrivedRequest.folded(name)
    return fields.contains { ArrivedRequest.folded($0.name) == folded && $0.value.contains(text) }
  }

  /// Whether `text` stands in a cookie of that name, however it is written.
  func shows(_ text: String, inCookie name: String) -> Bool {
    if isAmbiguous || !rest.isEmpty { return true }
    for field in fields where ArrivedRequest.folded(field.name) == "cookie" {
      for pair in field.value.split(separator: ";") {
        let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2, ArrivedRequest.trimmed(String(parts[0])) == name else { continue }
        if parts[1].contains(text) { return true }
      }
    }
    return false
  }

  /// Whether `text` stands in any field.
  func shows(_ text: String) -> Bool { fields.contains { $0.value.contains(text) || $0.name.contains(text) } }

  /// As CGI and WSGI tell names apart: in lower case, with a dash for all that is neither letter nor digit.
  static func folded(_ name: String) -> String {
    String(
      String.UnicodeScalarView(
        trimmed(name).unicodeScalars.map { scalar in
          switch scalar {
          case "A"..."Z": Unicode.Scalar(UInt8(truncatingIfNeeded: scalar.value | 0x20))
          case "a"..."z", "0"..."9": scalar
          default: "-"
          }
        }))
  }

  private func value(of name: String) -> String? { fields.first { ArrivedRequest.folded($0.name) == name }?.value }

  /// Each line is a field, whatever ends it; one that begins with a space is that, and the end of the one before it.
  private static func fields(_ head: ArraySlice<UInt8>) -> [Field] {
    var fields: [Field] = []
    for line in head.split(whereSeparator: { $0 == 0x0A || $0 == 0x0D }).dropFirst().flatMap(readings) {
      let text = String(decoding: line, as: UTF8.self)
      if line.first == 0x20 || line.first == 0x09, let last = fields.popLast() {
        fields.append(Field(name: last.name, value: last.value + " " + trimmed(text)))
      }
      let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
      fields.append(Field(name: trimmed(String(parts[0])), value: parts.count > 1 ? trimmed(String(parts[1])) : ""))
    }
    return fields
  }

  /// Some servers end a line at a NUL, some leave it out.
  private static func readings(_ line: ArraySlice<UInt8>) -> [ArraySlice<UInt8>] {
    guard line.contains(0) else { return [line] }
    return line.split(separator: 0) + [line.filter { $0 != 0 }[...]]
  }

  /// Without what is no visible ASCII at its ends.
  private static func trimmed(_ text: String) -> String {
    var scalars = text.unicodeScalars[...]
    while let first = scalars.first, !(0x21...0x7E).contains(first.value) { scalars.removeFirst() }
    while let last = scalars.last, !(0x21...0x7E).contains(last.value) { scalars.removeLast() }
    return String(scalars)
  }

  private static func end(of mark: [UInt8], in bytes: [UInt8], from start: Int) -> Int? {
    var index = start
    while index + mark.count <= bytes.count {
      if bytes[index..<index + mark.count].elementsEqual(mark) { return index + mark.count }
      index += 1
    }
    return nil
  }
}
