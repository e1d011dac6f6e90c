/// ECDSA signatures: side by side in a JWS (RFC 7518 §3.4), as DER in OpenSSL (RFC 3279 §2.2.3).
enum EncodedSignature {
  /// r and s side by side as `SEQUENCE { INTEGER, INTEGER }`.
  static func encode(_ signature: Span<UInt8>) -> [UInt8] {
    let half = signature.count / 2
    var numbers: [UInt8] = []
    numbers.reserveCapacity(signature.count + 8)
    appendInteger(signature, 0..<half, to: &numbers)
    appendInteger(signature, half..<2 * half, to: &numbers)
    var sequence: [UInt8] = [0x30]
    sequence.reserveCapacity(numbers.count + 3)
    // P-521's two integers pass the short form's 127 bytes.
    if numbers.count > 127 { sequence.append(0x81) }
    sequence.append(UInt8(truncatingIfNeeded: numbers.count))
    return sequence + numbers
  }

  /// DER's integers have no leading zeros, but one where the sign bit would be set.
  private static func appendInteger(_ bytes: Span<UInt8>, _ range: Range<Int>, to output: inout [UInt8]) {
    var start = range.lowerBound
    while start + 1 < range.upperBound, bytes[start] == 0 { start += 1 }
    let needsZero = bytes[start] >= 0x80
    output.append(0x02)
    output.append(UInt8(truncatingIfNeeded: range.upperBound - start + (needsZero ? 1 : 0)))
    if needsZero { output.append(0) }
    for index in start..<range.upperBound { output.append(bytes[index]) }
  }
}
