public import Tokens

/// The file of revoked tokens: a line for each entry, `jti VALUE`, `sub VALUE`, `kid VALUE` or `sid VALUE`.
///
/// A line `[NAME]` begins the entries of one provider; those before the first such line are for all of them. `#` begins
/// a comment at the start of a line alone. A line's end is LF or CRLF; spaces before it do not count.
public enum RevocationList {
  /// The most bytes that a file may have: 16 MiB.
  public static let bytesMax = 16 << 20
  /// The most entries that a file may have, over all providers.
  public static let entriesMax = 1_000_000
  /// Faults that are reported in one run.
  fileprivate static let faultsMax = 10

  /// Reads the text of a file. Diagnostics never quote what it says: a token may stand there by mistake.
  ///
  /// - Parameters:
  ///   - file: Its name, for diagnostics.
  ///   - providers: The names that `[NAME]` may be.
  /// - Returns: The entries; or the first ten faults, where there are any.
  public static func parse(_ bytes: [UInt8], file: String, providers: [String]) -> Result<Revocations, Diagnostics> {
    guard bytes.count <= bytesMax else {
      return .failure(Diagnostics([Diagnostic(file: file, position: nil, message: "larger than 16 MiB")]))
    }
    var reader = RevocationListReader(bytes, providers: providers)
    let faults = reader.read()
    guard faults.isEmpty else {
      return .failure(
        Diagnostics(faults.map { Diagnostic(file: file, position: $0.position, message: $0.message) }))
    }
    return .success(reader.revocations.fitted())
  }

  /// A fault of the file as a whole, placed where `gateway.conf` names it.
  ///
  /// - Parameter mayPass: Whether it may be over the next time although nobody has changed anything.
  public static func diagnostics(
    _ message: String, of configuration: GatewayConfiguration, mayPass: Bool = false
  ) -> Diagnostics {
    Diagnostics([
      Diagnostic(
        file: configuration.file, position: configuration.revocations?.position, message: message, mayPass: mayPass)
    ])
  }
}

/// Reads one text, a line at a time.
struct RevocationListReader {
  private(set) var revocations = Revocations()
  private let bytes: [UInt8]
  private let providers: [[UInt8]: String]
  private var faults: [(position: Position, message: String)] = []
  private var line = 1
  private var entries = 0
  private var section = Section.all

  private enum Section {
    case all
    case provider(String)
    /// Reported.
    case unknown
  }

  init(_ bytes: [UInt8], providers: [String]) {
    self.bytes = bytes
    self.providers = Dictionary(providers.map { (Array($0.utf8), $0) }) { first, _ in first }
  }

  /// Everything that is wrong, up to `RevocationList.faultsMax`.
  mutating func read() -> [(position: Position, message: String)] {
    if let fault = fault(ofText: bytes.span) { return [fault] }
    revocations.reserve(bytes: bytes.count)
    var start = 0
    while start < bytes.count, faults.count < RevocationList.faultsMax {
      var end = start
      while end < bytes.count, bytes[end] != UInt8(ascii: "\n") { end += 1 }
      var textEnd = end
      if textEnd > start, bytes[textEnd - 1] == UInt8(ascii: "\r") { textEnd -= 1 }
      while textEnd > start, bytes[textEnd - 1] == UInt8(ascii: " ") { textEnd -= 1 }
      read(lineFrom: start, to: textEnd)
      start = end + 1
      line += 1
    }
    return faults
  }

  /// A text in another encoding has no lines to speak of: its fault stands alone.
  private func fault(ofText text: Span<UInt8>) -> (position: Position, message: String)? {
    if text.count >= 3, text[0] == 0xEF, text[1] == 0xBB, text[2] == 0xBF {
      return (Position(line: 1, column: 1), "a byte order mark; save the file without it")
    }
    do throws(UTF8.ValidationError) {
      _ = try UTF8Span(validating: text)
      return nil
    } catch {
      let offset = error.byteOffsets.lowerBound
      var (line, lineStart) = (1, 0)
      for index in 0..<offset where text[index] == UInt8(ascii: "\n") {
        line += 1
        lineStart = index + 1
      }
      return (Position(line: line, column: column(of: offset, lineFrom: lineStart)), "bytes that are not UTF-8")
    }
  }

  private mutating func read(lineFrom start: Int, to end: Int) {
    guard start < end else { return }
    let isComment = bytes[start] == UInt8(ascii: "#")
    for index in start..<end where bytes[index] < 0x20 || bytes[index] == 0x7F {
      if isComment, bytes[index] == UInt8(ascii: "\t") { continue }
      return report(start, index, "a control character; use one space between kind and value")
    }
    if isComment { return }
    if bytes[start] == UInt8(ascii: "[") { return read(sectionFrom: start, to: end) }
    if bytes[start] == UInt8(ascii: " ") {
      return report(start, start, "a space at the start of a line; begin it with jti, sub, kid, sid, [ or #")
    }
    var wordEnd = start
    while wordEnd < end, bytes[wordEnd] != UInt8(ascii: " ") { wordEnd += 1 }
    guard let kind = kind(from: start, to: wordEnd) else {
      return report(start, start, "neither jti, sub, kid nor sid" + hint(from: start, to: wordEnd))
    }
    let value = wordEnd + 1
    guard value < end else { return report(start, wordEnd, "no value; write \(kind.name) VALUE") }
    guard bytes[value] != UInt8(ascii: " ") else {
      return report(start, value, "a second space; use one between kind and value")
    }
    guard end - value <= Revocations.valueBytesMax else {
      return report(start, value, "a value of more than 32 KiB, which no token can hold")
    }
    entries += 1
    guard entries <= RevocationList.entriesMax else {
      return report(start, start, "more than \(RevocationList.entriesMax) entries")
    }
    let bytes = bytes
    switch section {
    case .all: revocations.insert(kind, bytes.span.extracting(value..<end), provider: nil)
    case .provider(let name): revocations.insert(kind, bytes.span.extracting(value..<end), provider: name)
    case .unknown: break
    }
  }

  private mutating func read(sectionFrom start: Int, to end: Int) {
    section = .unknown
    guard bytes[end - 1] == UInt8(ascii: "]") else {
      return report(start, end, "no ] at the end of the line; write [NAME], NAME being a provider")
    }
    let name = Array(bytes[start + 1..<end - 1])
    if let provider = providers[name] {
      section = .provider(provider)
      return
    }
    let text = String(decoding: name, as: UTF8.self)
    // What can be no name may be anything, and is not repeated.
    let isName = NameText.fault(text) == nil
    let known = providers.values.sorted()
    let hint = NearestWord.hint(text, in: known)
    report(start, start + 1, "no provider is called " + (isName ? "\"\(text)\"" : "so") + hint)
  }

  private func kind(from start: Int, to end: Int) -> Revocations.Kind? {
    guard end - start == 3 else { return nil }
    switch (bytes[start], bytes[start + 1], bytes[start + 2]) {
    case (UInt8(ascii: "j"), UInt8(ascii: "t"), UInt8(ascii: "i")): return .tokenID
    case (UInt8(ascii: "s"), UInt8(ascii: "u"), UInt8(ascii: "b")): return .subject
    case (UInt8(ascii: "k"), UInt8(ascii: "i"), UInt8(ascii: "d")): return .keyID
    case (UInt8(ascii: "s"), UInt8(ascii: "i"), UInt8(ascii: "d")): return .signInID
    default: return nil
    }
  }

  private func hint(from start: Int, to end: Int) -> String {
    guard end - start <= 8 else { return "" }
    return NearestWord.hint(
      String(decoding: bytes[start..<end], as: UTF8.self), in: Revocations.Kind.allCases.map(\.name))
  }

  private mutating func report(_ lineStart: Int, _ offset: Int, _ message: String) {
    faults.append((Position(line: line, column: column(of: offset, lineFrom: lineStart)), message))
  }

  /// Characters count, not bytes.
  private func column(of offset: Int, lineFrom start: Int) -> Int {
    var column = 1
    for index in start..<offset where bytes[index] & 0xC0 != 0x80 { column += 1 }
    return column
  }
}
