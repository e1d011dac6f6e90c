/// The name of one request: in the answer, in the log, and upstream. 128 bits, written as 32 hexadecimal digits.
struct RequestID: Equatable, Sendable {
  var high: UInt64 = 0
  var low: UInt64 = 0
}

/// Makes the request ids of one loop: a random start, and a bijection of a counter, so that none comes twice.
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
  /// 32 lower case hexadecimal digits.
  var text: String {
    let digits = Array("0123456789abcdef".utf8)
    var bytes: [UInt8] = []
    bytes.reserveCapacity(32)
    for half in [high, low] {
      for shift in stride(from: UInt64(60), through: 0, by: -4) { bytes.append(digits[Int(half >> shift & 0xF)]) }
    }
    return String(decoding: bytes, as: UTF8.self)
  }
}
