/// ECDSA signatures: side by side in a JWS (RFC 7518 §3.4), as DER in OpenSSL (RFC 3279 §2.2.3).
enum EncodedSignature {
  /// r and s side by side as `SEQUENCE { INTEGER, INTEGER }`.
  static func encode(_ signature: Span<UInt8>) -> [UInt8] {
    let half = signature.count / 2
    let r = DERInteger(signature, 0..<half)
    let s = DERInteger(signature, half..<2 * half)
    let count = r.encodedCount + s.encodedCount
    return [UInt8](capacity: count + 3) { output in
      output.append(0x30)
      // P-521's two integers pass the short form's 127 bytes.
      if count > 127 { output.append(0x81) }
      output.append(UInt8(truncatingIfNeeded: count))
      r.append(signature, to: &output)
      s.append(signature, to: &output)
    }
  }
}

/// DER's integers have no leading zeros, but one where the sign bit would be set.
private struct DERInteger {
  private let digits: Range<Int>
  private let needsZero: Bool

  /// - Parameter range: Where the number stands; not empty.
  init(_ bytes: Span<UInt8>, _ range: Range<Int>) {
    var start = range.lowerBound
    while start + 1 < range.upperBound, bytes[start] == 0 { start += 1 }
    digits = start..<range.upperBound
    needsZero = bytes[start] >= 0x80
  }

  private var count: Int { digits.count + (needsZero ? 1 : 0) }

  /// With its tag and its length.
  var encodedCount: Int { count + 2 }

  func append(_ bytes: Span<UInt8>, to output: inout OutputSpan<UInt8>) {
    output.append(0x02)
    output.append(UInt8(truncatingIfNeeded: count))
    if needsZero { output.append(0) }
    for index in digits { output.append(bytes[index]) }
  }
}
