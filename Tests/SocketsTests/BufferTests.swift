import Testing

@testable import Sockets

@Suite("Buffer")
struct BufferTests {
  @Test("what was appended is read in order, and consuming everything makes the whole block free again")
  func appendAndConsume() {
    var buffer = Buffer(capacity: 8)
    buffer.append([1, 2, 3])
    buffer.append(4)
    buffer.append("ab")
    check(buffer.count, 6)
    check(buffer.writableCount, 2)
    let first = buffer.withReadable { bytes in (0..<bytes.count).map { bytes[$0] } }
    #expect(first == [1, 2, 3, 4, 0x61, 0x62])
    buffer.consume(4)
    check(buffer.count, 2)
    check(buffer.writableCount, 2)
    buffer.compact()
    check(buffer.writableCount, 6)
    buffer.consume(2)
    check(buffer.isEmpty, true)
    check(buffer.writableCount, 8)
  }

  @Test("three texts are appended one behind another, and fill what has room for just these")
  func texts() {
    var buffer = Buffer(capacity: 6)
    buffer.append("a", "bcd", "ef")
    #expect(text(buffer) == "abcdef")
    buffer.clear()
    buffer.append("", "x", "")
    #expect(text(buffer) == "x")
  }

  @Test("numbers are appended in their digits")
  func digits() {
    let powers = (0..<20).map { (0..<$0).reduce(UInt64(1)) { power, _ in power &* 10 } }
    let numbers = powers + powers.map { $0 - 1 } + (0..<64).map { 1 << $0 } + [12_345, 0x0123_4567_89AB_CDEF, .max]
    for number in numbers {
      let expected = String(number)
      check(Buffer.decimalDigits(of: number), expected.utf8.count)
      // No more room than the digits take.
      var decimal = Buffer(capacity: expected.utf8.count)
      decimal.append(decimal: number)
      #expect(text(decimal) == expected)
      decimal = Buffer(capacity: expected.utf8.count + 3)
      decimal.append(decimal: number)
      #expect(text(decimal) == expected)
      var hexadecimal = Buffer(capacity: 16)
      hexadecimal.append(hexadecimal: number)
      let digits = String(number, radix: 16)
      #expect(text(hexadecimal) == String(repeating: "0", count: 16 - digits.utf8.count) + digits)
    }
  }

  @Test("all numbers of four digits")
  func smallNumbers() {
    for number in UInt64(0)..<10_001 {
      var buffer = Buffer(capacity: 8)
      buffer.append(decimal: number)
      #expect(text(buffer) == String(number))
    }
  }

  @Test("text is appended where JSON has it as it is, and not at all otherwise, whatever its length")
  func plainText() {
    for length in 0..<40 {
      let plain = (0..<length).map { UInt8(ascii: "a") + UInt8($0 % 26) }
      var buffer = Buffer(capacity: length + 1)
      buffer.append(">")
      check(buffer.append(ifPlain: plain.span), true)
      #expect(text(buffer) == ">" + String(decoding: plain, as: UTF8.self))
      for index in plain.indices {
        for byte in UInt8.min...UInt8.max {
          var bytes = plain
          bytes[index] = byte
          buffer.clear()
          buffer.append(">")
          let isPlain = (0x20..<0x7F).contains(byte) && byte != UInt8(ascii: "\"") && byte != UInt8(ascii: "\\")
          check(buffer.append(ifPlain: bytes.span), isPlain)
          #expect(text(buffer) == ">" + (isPlain ? String(decoding: bytes, as: UTF8.self) : ""))
        }
      }
    }
  }

  private func text(_ buffer: borrowing Buffer) -> String {
    buffer.withReadable { bytes in String(decoding: bytes.indices.map { bytes[$0] }, as: UTF8.self) }
  }

  @Test("a pool gives the block that came back last, empty")
  func pool() {
    let pool = BufferPool(blockBytes: 16, keptMax: 1)
    var block = pool.take()
    block.append([1])
    pool.give(block)
    let again = pool.take()
    check(again.isEmpty, true)
    check(again.capacity, 16)
    pool.give(again)
    pool.give(Buffer(capacity: 16))
    let kept = pool.take()
    check(kept.capacity, 16)
  }
}

@Suite("SeededHash")
struct SeededHashTests {
  @Test("equal bytes hash the same, and each byte counts", arguments: [0, 1, 7, 8, 15, 16, 17, 31, 32, 700])
  func everyByteCounts(count: Int) {
    let hash = SeededHash()
    let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0) }
    let base = hash.hash(bytes.span)
    check(hash.hash(bytes.span), base)
    for index in bytes.indices {
      var changed = bytes
      changed[index] ^= 1
      check(hash.hash(changed.span) != base, true)
    }
    let longer = bytes + [0]
    check(hash.hash(longer.span) != base, true)
  }

  @Test("bytes are compared in full")
  func equality() {
    #expect(areEqual([], []))
    #expect(areEqual([1, 2], [1, 2]))
    #expect(!areEqual([1, 2], [1, 3]))
    #expect(!areEqual([1, 2], [1, 2, 3]))
  }

  @Test("a part of bytes is found wherever it stands")
  func part() {
    for (bytes, part, isThere) in [
      ([1, 2, 3], [1, 2], true), ([1, 2, 3], [2, 3], true), ([1, 1, 2], [1, 2], true), ([1, 2, 3], [1, 2, 3], true),
      ([1, 2, 3], [1, 3], false), ([1, 2], [1, 2, 3], false), ([], [1], false), ([1], [], true), ([], [], true),
    ] as [([UInt8], [UInt8], Bool)] {
      #expect(Bytes.contains(bytes.span, part.span) == isThere)
    }
  }

  private func areEqual(_ left: [UInt8], _ right: [UInt8]) -> Bool { Bytes.areEqual(left.span, right.span) }
}

/// `#expect` cannot look into a noncopyable value; this takes what was read from it.
private func check<Value: Equatable>(_ found: Value, _ expected: Value, _ location: SourceLocation = #_sourceLocation) {
  #expect(found == expected, sourceLocation: location)
}
