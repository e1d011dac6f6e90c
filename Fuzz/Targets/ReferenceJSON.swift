import JSON

/// A second reading of JSON texts, as plain as RFC 8259's grammar and much slower than the gateway's: both have to agree.
struct ReferenceJSON {
  private let bytes: [UInt8]
  private var place = 0
  private let depthMax: Int

  /// The value of the text; nil where it is none, or breaks a rule of SECURITY T-5.
  static func read(_ text: Span<UInt8>, depthMax: Int = 16) -> JSONValue? {
    let bytes = Array(copying: text)
    guard String(validating: bytes, as: UTF8.self) != nil else { return nil }
    var reader = ReferenceJSON(bytes: bytes, depthMax: depthMax)
    guard let value = reader.value(level: 0) else { return nil }
    reader.skipWhiteSpace()
    return reader.place == bytes.count ? value : nil
  }

  private init(bytes: [UInt8], depthMax: Int) {
    self.bytes = bytes
    self.depthMax = depthMax
  }

  private var next: UInt8? { place < bytes.count ? bytes[place] : nil }

  private mutating func skipWhiteSpace() {
    while let byte = next, byte == 0x20 || byte == 0x09 || byte == 0x0A || byte == 0x0D { place += 1 }
  }

  private mutating func take(_ text: StaticString) -> Bool {
    let expected = Array("\(text)".utf8)
    guard bytes[place...].starts(with: expected) else { return false }
    place += expected.count
    return true
  }

  private mutating func value(level: Int) -> JSONValue? {
    skipWhiteSpace()
    switch next {
    case UInt8(ascii: "n"): return take("null") ? .null : nil
    case UInt8(ascii: "t"): return take("true") ? .bool(true) : nil
    case UInt8(ascii: "f"): return take("false") ? .bool(false) : nil
    case UInt8(ascii: "\""): return string().map { .string($0) }
    case UInt8(ascii: "["): return level < depthMax ? array(level: level + 1) : nil
    case UInt8(ascii: "{"): return level < depthMax ? object(level: level + 1) : nil
    default: return number()
    }
  }

  private mutating func array(level: Int) -> JSONValue? {
    place += 1
    var elements: [JSONValue] = []
    skipWhiteSpace()
    if take("]") { return .array([]) }
    while true {
      guard let element = value(level: level) else { return nil }
      elements.append(element)
      skipWhiteSpace()
      if take("]") { return .array(elements) }
      guard take(",") else { return nil }
    }
  }

  private mutating func object(level: Int) -> JSONValue? {
    place += 1
    var members: [JSONObject.Member] = []
    var names: Set<[UInt8]> = []
    skipWhiteSpace()
    if take("}") { return .object([:]) }
    while true {
      skipWhiteSpace()
      guard next == UInt8(ascii: "\""), let name = string(), names.insert(Array(name.utf8)).inserted else { return nil }
      skipWhiteSpace()
      guard take(":"), let value = value(level: level) else { return nil }
      members.append(JSONObject.Member(name: name, value: value))
      skipWhiteSpace()
      if take("}") { return JSONObject(members).map { .object($0) } }
      guard take(",") else { return nil }
    }
  }

  private mutating func string() -> String? {
    place += 1
    var text: [UInt8] = []
    while let byte = next {
      place += 1
      switch byte {
      case UInt8(ascii: "\""): return String(validating: text, as: UTF8.self)
      case 0..<0x20: return nil
      case UInt8(ascii: "\\"):
        guard let scalar = escape() else { return nil }
        text += Array(String(scalar).utf8)
      default: text.append(byte)
      }
    }
    return nil
  }

  private mutating func escape() -> Unicode.Scalar? {
    guard let letter = next else { return nil }
    place += 1
    switch letter {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return Unicode.Scalar(letter)
    case UInt8(ascii: "b"): return "\u{8}"
    case UInt8(ascii: "f"): return "\u{C}"
    case UInt8(ascii: "n"): return "\n"
    case UInt8(ascii: "r"): return "\r"
    case UInt8(ascii: "t"): return "\t"
    case UInt8(ascii: "u"): break
    default: return nil
    }
    guard let first = unit() else { return nil }
    guard (0xD800..<0xDC00).contains(first) else { return Unicode.Scalar(first) }
    guard take("\\u"), let second = unit(), (0xDC00..<0xE000).contains(second) else { return nil }
    return Unicode.Scalar(0x10000 + (first - 0xD800) << 10 + (second - 0xDC00))
  }

  /// Four hexadecimal digits.
  private mutating func unit() -> UInt32? {
    var unit: UInt32 = 0
    for _ in 0..<4 {
      guard let byte = next, let digit = Character(Unicode.Scalar(byte)).hexDigitValue, byte < 0x80 else { return nil }
      unit = unit << 4 | UInt32(digit)
      place += 1
    }
    return unit
  }

  private mutating func number() -> JSONValue? {
    let start = place
    _ = take("-")
    let whole = place
    guard digits() > 0, bytes[whole] != UInt8(ascii: "0") || place == whole + 1 else { return nil }
    var isInteger = true
    if take(".") {
      isInteger = false
      guard digits() > 0 else { return nil }
    }
    if next == UInt8(ascii: "e") || next == UInt8(ascii: "E") {
      place += 1
      isInteger = false
      if next == UInt8(ascii: "+") || next == UInt8(ascii: "-") { place += 1 }
      guard digits() > 0 else { return nil }
    }
    let text = String(decoding: bytes[start..<place], as: UTF8.self)
    if isInteger {
      if let integer = Int64(text) { return .integer(integer) }
      // RFC 8259 §6 leaves the range open: an integer has 64 bits, or it is refused.
      return UInt64(text).map { .number(Double($0)) }
    }
    guard let number = Double(text), number.isFinite else { return nil }
    return .number(number)
  }

  /// How many digits were taken.
  private mutating func digits() -> Int {
    let start = place
    while let byte = next, byte >= UInt8(ascii: "0"), byte <= UInt8(ascii: "9") { place += 1 }
    return place - start
  }
}
