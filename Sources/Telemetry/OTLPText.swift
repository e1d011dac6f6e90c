import JSON

/// Pieces of OTLP's JSON (opentelemetry.io/docs/specs/otlp, "JSON Protobuf Encoding"): ids in hexadecimal, 64-bit numbers
/// as texts.
enum OTLPText {
  /// Bytes of a value that are written; a longer one ends in `…`.
  static let valueBytesMax = 1024

  static func hexadecimal(_ value: UInt64, to text: inout [UInt8]) {
    for shift in stride(from: UInt64(60), through: 0, by: -4) {
      let digit = UInt8(truncatingIfNeeded: value >> shift & 0xF)
      text.append(digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "a") + digit - 10)
    }
  }

  /// In quotes, escaped; what is no UTF-8 becomes U+FFFD.
  static func quoted(_ value: Span<UInt8>, to text: inout [UInt8]) {
    let count = min(value.count, valueBytesMax)
    if count == value.count, isPlain(value) {
      text.append(UInt8(ascii: "\""))
      for index in 0..<count { text.append(value[index]) }
      text.append(UInt8(ascii: "\""))
      return
    }
    var bytes: [UInt8] = []
    bytes.reserveCapacity(count)
    for index in 0..<count { bytes.append(value[index]) }
    let kept = String(decoding: bytes, as: UTF8.self) + (count < value.count ? "…" : "")
    JSONString.append(kept.utf8Span.span, to: &text)
  }

  /// Whether no byte has to be escaped between quotes.
  private static func isPlain(_ bytes: Span<UInt8>) -> Bool {
    for index in bytes.indices {
      let byte = bytes[index]
      if byte < 0x20 || byte >= 0x7F || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") { return false }
    }
    return true
  }

  static func quoted(_ value: String, to text: inout [UInt8]) {
    var value = value
    value.makeContiguousUTF8()
    quoted(value.utf8Span.span, to: &text)
  }

  /// What has produced it: a `resource` with semantic conventions' names, and a `scope`.
  ///
  /// - Parameters:
  ///   - instance: Another for each process.
  ///   - scoped: The member with the scope's things, such as `scopeSpans`.
  static func begin(_ signal: String, _ scoped: String, _ resource: OTLPResource, to text: inout [UInt8]) {
    text += "{\"\(signal)\":[{\"resource\":{\"attributes\":[".utf8
    var attributes = OTLPAttributes()
    attributes.add("service.name", OTLPResource.name, to: &text)
    attributes.add("service.version", resource.version, to: &text)
    attributes.add("service.instance.id", resource.instance, to: &text)
    text += "]},\"\(scoped)\":[{\"scope\":{\"name\":\"\(OTLPResource.name)\",\"version\":".utf8
    quoted(resource.version, to: &text)
    text += "},".utf8
  }
}

/// The gateway that sends traces and metrics, in OTLP's words the resource.
public struct OTLPResource: Sendable {
  /// The program's version: `service.version`.
  public let version: String
  /// Tells processes apart, so each has another: `service.instance.id`.
  public let instance: String

  static let name = "portcullis"

  /// The resource of this process.
  public init(version: String, instance: String) {
    self.version = version
    self.instance = instance
  }
}

/// Attributes, between brackets that others write.
struct OTLPAttributes {
  private var isFirst = true

  private mutating func key(_ key: String, to text: inout [UInt8]) {
    text += (isFirst ? "{\"key\":\"" : ",{\"key\":\"").utf8
    text += key.utf8
    isFirst = false
  }

  mutating func add(_ key: String, _ value: Span<UInt8>, to text: inout [UInt8]) {
    self.key(key, to: &text)
    text += "\",\"value\":{\"stringValue\":".utf8
    OTLPText.quoted(value, to: &text)
    text += "}}".utf8
  }

  mutating func add(_ key: String, _ value: String, to text: inout [UInt8]) {
    var value = value
    value.makeContiguousUTF8()
    add(key, value.utf8Span.span, to: &text)
  }

  mutating func add(_ key: String, _ value: Int, to text: inout [UInt8]) {
    self.key(key, to: &text)
    text += "\",\"value\":{\"intValue\":\"".utf8
    text.append(decimal: UInt64(clamping: value))
    text += "\"}}".utf8
  }
}
