internal import CJSON

/// A JSON text in one block of memory, whose values are read where they stand: a token's claims cost one allocation,
/// however many they are.
///
/// A value begins with a byte that says its kind. A number follows in eight bytes; a string, an array or an object with
/// the count of its bytes, in one or four, and the bytes. An object's members are a string, the name, and a value.
public struct JSONDocument: Sendable, Equatable {
  let bytes: [UInt8]

  /// Where a value stands in its document.
  public struct Place: Sendable, Hashable {
    private let stored: UInt32
    var offset: Int { Int(stored) }

    init(offset: Int) { stored = UInt32(clamping: offset) }
  }

  /// What kind of value stands at a place.
  public enum Kind: Sendable {
    case null, bool, integer, number, string, array, object
  }

  /// Reads one JSON text.
  ///
  /// - Parameters:
  ///   - text: The whole text, nothing before or after it but white space.
  ///   - depthMax: How deep arrays and objects may nest.
  /// - Throws: `JSONError`; for a repeated name too, on which parsers disagree (RFC 8259 §4, RFC 7519 §4).
  public init(_ text: Span<UInt8>, depthMax: Int = 16) throws(JSONError) {
    var block: UnsafePointer<UInt8>?
    var count = 0
    let status = unsafe text.withUnsafeBufferPointer { text in
      unsafe cjson_parse(text.baseAddress, text.count, depthMax, &block, &count)
    }
    guard status == CJSON_PARSED else { throw JSONDocument.error(status) }
    // SAFETY: the block lives until this thread's next call, and is copied before it.
    bytes = unsafe Array(UnsafeBufferPointer(start: block, count: count))
  }

  /// Bytes of the block.
  public var bytesHeld: Int { bytes.count }

  /// The text's one value.
  public var root: Place { Place(offset: 0) }

  /// What stands there.
  public func kind(_ place: Place) -> Kind {
    switch tag(place.offset) {
    case CJSON_FALSE, CJSON_TRUE: .bool
    case CJSON_INTEGER: .integer
    case CJSON_NUMBER: .number
    case CJSON_SHORT_STRING, CJSON_STRING: .string
    case CJSON_ARRAY: .array
    case CJSON_OBJECT: .object
    default: .null
    }
  }

  /// The member of that name, compared byte for byte (RFC 8259 §8.3); nil where there is none, or no object.
  public func member(_ name: String, of object: Place) -> Place? {
    let block = bytes.span
    guard JSONDocument.tag(block, object.offset) == CJSON_OBJECT else { return nil }
    let name = name.utf8Span.span
    let end = JSONDocument.end(block, object.offset)
    var next = object.offset + JSONDocument.containerHeadBytes
    while next < end {
      let value = JSONDocument.end(block, next)
      if JSONDocument.isText(name, block, next, endingAt: value) { return Place(offset: value) }
      next = JSONDocument.end(block, value)
    }
    return nil
  }

  /// A member of an object. `firstMember(of:)` finds the first one, `member(after:of:)` the others.
  public struct Member: Sendable {
    let nameOffset: Int
    /// Where the member's value stands.
    public let value: Place
  }

  /// An object's first member; nil where it has none, or no object stands there.
  public func firstMember(of object: Place) -> Member? {
    tag(object.offset) == CJSON_OBJECT ? member(at: object.offset + JSONDocument.containerHeadBytes, in: object) : nil
  }

  /// The member of `object` behind `member`.
  public func member(after member: Member, of object: Place) -> Member? {
    self.member(at: end(member.value.offset), in: object)
  }

  /// The member's name, with escapes resolved.
  public func name(of member: Member) -> String { text(member.nameOffset) }

  /// An array's first element; nil where it has none, or no array stands there.
  public func firstElement(of array: Place) -> Place? {
    tag(array.offset) == CJSON_ARRAY ? element(at: array.offset + JSONDocument.containerHeadBytes, in: array) : nil
  }

  /// The element of `array` behind `element`.
  public func element(after element: Place, of array: Place) -> Place? {
    self.element(at: end(element.offset), in: array)
  }

  /// The string, where one stands there.
  public func string(_ place: Place) -> String? {
    isString(place) ? text(place.offset) : nil
  }

  /// Where the string's bytes stand in what `withBytes` gives; nil where no string stands there.
  public func stringRange(_ place: Place) -> Range<Int>? {
    isString(place) ? textRange(place.offset) : nil
  }

  /// The block, for those who compare or copy a string without making one.
  public func withBytes<Result>(_ body: (Span<UInt8>) -> Result) -> Result { body(bytes.span) }

  /// Whether that string stands there, byte for byte.
  public func isString(_ place: Place, _ text: String) -> Bool {
    isString(place)
      && JSONDocument.isText(text.utf8Span.span, bytes.span, place.offset, endingAt: end(place.offset))
  }

  /// The number, where one without fraction and exponent stands there that an `Int64` holds.
  public func integer(_ place: Place) -> Int64? {
    tag(place.offset) == CJSON_INTEGER ? Int64(bitPattern: word(place.offset)) : nil
  }

  /// The number, where another one stands there; always finite.
  public func number(_ place: Place) -> Double? {
    tag(place.offset) == CJSON_NUMBER ? Double(bitPattern: word(place.offset)) : nil
  }

  /// The truth value, where one stands there.
  public func bool(_ place: Place) -> Bool? {
    switch tag(place.offset) {
    case CJSON_FALSE: false
    case CJSON_TRUE: true
    default: nil
    }
  }

  /// The value, with all that is in it, as one that can be taken apart.
  public func value(_ place: Place) -> JSONValue {
    switch tag(place.offset) {
    case CJSON_FALSE: return .bool(false)
    case CJSON_TRUE: return .bool(true)
    case CJSON_INTEGER: return .integer(Int64(bitPattern: word(place.offset)))
    case CJSON_NUMBER: return .number(Double(bitPattern: word(place.offset)))
    case CJSON_SHORT_STRING, CJSON_STRING: return .string(text(place.offset))
    case CJSON_ARRAY:
      var elements: [JSONValue] = []
      var next = firstElement(of: place)
      while let element = next {
        elements.append(value(element))
        next = self.element(after: element, of: place)
      }
      return .array(elements)
    case CJSON_OBJECT:
      var members: [JSONObject.Member] = []
      var next = firstMember(of: place)
      while let member = next {
        members.append(JSONObject.Member(name: name(of: member), value: value(member.value)))
        next = self.member(after: member, of: place)
      }
      return .object(JSONObject(distinct: members))
    default: return .null
    }
  }
}

extension JSONDocument {
  /// The kind, and the count of what follows, of an array or an object.
  private static let containerHeadBytes = 5

  // Inlined into `member`, which is called some twenty times for a token.

  @inline(__always)
  private static func tag(_ block: Span<UInt8>, _ offset: Int) -> cjson_kind {
    cjson_kind(rawValue: UInt32(block[offset]))
  }

  /// Where the value at `offset` ends.
  @inline(__always)
  private static func end(_ block: Span<UInt8>, _ offset: Int) -> Int {
    switch tag(block, offset) {
    case CJSON_SHORT_STRING: return offset + 2 + Int(block[offset + 1])
    case CJSON_INTEGER, CJSON_NUMBER: return offset + 9
    case CJSON_STRING, CJSON_ARRAY, CJSON_OBJECT:
      let count =
        Int(block[offset + 1]) | Int(block[offset + 2]) << 8 | Int(block[offset + 3]) << 16
        | Int(block[offset + 4]) << 24
      return offset + containerHeadBytes + count
    default: return offset + 1
    }
  }

  /// Whether the string at `offset`, which ends at `end`, is `text`.
  @inline(__always)
  private static func isText(_ text: Span<UInt8>, _ block: Span<UInt8>, _ offset: Int, endingAt end: Int) -> Bool {
    let start = offset + (tag(block, offset) == CJSON_SHORT_STRING ? 2 : 5)
    guard end - start == text.count else { return false }
    for index in text.indices where block[start + index] != text[index] { return false }
    return true
  }

  private func tag(_ offset: Int) -> cjson_kind { JSONDocument.tag(bytes.span, offset) }

  private func end(_ offset: Int) -> Int { JSONDocument.end(bytes.span, offset) }

  private func word(_ offset: Int) -> UInt64 {
    var word: UInt64 = 0
    for place in (1...8).reversed() { word = word << 8 | UInt64(bytes[offset + place]) }
    return word
  }

  private func isString(_ place: Place) -> Bool {
    let tag = tag(place.offset)
    return tag == CJSON_SHORT_STRING || tag == CJSON_STRING
  }

  private func textRange(_ offset: Int) -> Range<Int> {
    offset + (tag(offset) == CJSON_SHORT_STRING ? 2 : 5)..<end(offset)
  }

  private func text(_ offset: Int) -> String {
    // simdjson has refused what is no UTF-8, so nothing is repaired here.
    String(decoding: bytes[textRange(offset)], as: UTF8.self)
  }

  private func member(at offset: Int, in object: Place) -> Member? {
    guard offset < end(object.offset) else { return nil }
    return Member(nameOffset: offset, value: Place(offset: end(offset)))
  }

  private func element(at offset: Int, in array: Place) -> Place? {
    offset < end(array.offset) ? Place(offset: offset) : nil
  }

  private static func error(_ status: cjson_status) -> JSONError {
    switch status {
    case CJSON_TOO_DEEP: .tooDeep
    case CJSON_NUMBER_OUT_OF_RANGE: .numberOutOfRange
    case CJSON_NOT_UTF8: .notUTF8
    case CJSON_NAME_REPEATED: .nameRepeated
    case CJSON_NO_MEMORY: .noMemory
    default: .malformed
    }
  }
}
