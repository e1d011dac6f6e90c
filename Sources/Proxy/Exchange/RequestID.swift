import HTTP

/// The id of one request, in the response, in the log, and upstream: 128 bits, written as 32 hexadecimal digits, or the
/// id that a trusted proxy has given it.
struct RequestID: Equatable, Sendable {
  var high: UInt64 = 0
  var low: UInt64 = 0
  /// The id given by a trusted proxy, used in place of the digits; nil if there is none.
  private(set) var given: [UInt8]?

  /// The maximum length of an id in bytes, also of `given`.
  static let bytesMax = 64

  /// Takes the id in `value` if it is valid: 1 to `bytesMax` letters, digits, `-`, `_` and `.`.
  mutating func take(_ bytes: Span<UInt8>, _ value: ByteRange) {
    guard (1...RequestID.bytesMax).contains(value.count) else { return }
    var name: [UInt8] = []
    for index in value.lowerBound..<value.upperBound {
      switch bytes[index] {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."):
        name.append(bytes[index])
      default: return
      }
    }
    given = name
  }

  /// The length of its text in bytes.
  var count: Int { given?.count ?? 32 }
}

extension HeadWriter {
  mutating func write(_ requestID: RequestID) {
    if let given = requestID.given {
      write(given.span)
    } else {
      write(hexadecimal: requestID.high)
      write(hexadecimal: requestID.low)
    }
  }
}

/// Generates the request ids of one loop: a random start, and a bijection of a counter, so that none is repeated.
struct RequestIDSource {
  private let high: UInt64
  private var counter: UInt64

  init() {
    var generator = SystemRandomNumberGenerator()
    high = generator.next()
    counter = generator.next()
  }

  mutating func next() -> RequestID {
    counter &+= 0x9E37_79B9_7F4A_7C15
    var mixed = counter
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return RequestID(high: high, low: mixed ^ (mixed >> 31))
  }
}

extension RequestID {
  /// 32 lower-case hexadecimal digits, or the given id.
  var text: String {
    if let given { return String(decoding: given, as: UTF8.self) }
    let digits = Array("0123456789abcdef".utf8)
    var bytes: [UInt8] = []
    bytes.reserveCapacity(32)
    for half in [high, low] {
      for shift in stride(from: UInt64(60), through: 0, by: -4) { bytes.append(digits[Int(half >> shift & 0xF)]) }
    }
    return String(decoding: bytes, as: UTF8.self)
  }
}
