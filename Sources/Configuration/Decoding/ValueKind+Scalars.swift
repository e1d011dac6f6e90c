extension ValueKind where Value == Bool {
  static var boolean: ValueKind {
    .scalar(noun: "true or false", reference: "`true` or `false`", text: \.description) {
      scalar throws(ValueFault) in
      switch scalar.text {
      case "true": return true
      case "false": return false
      default: throw ValueFault("is neither true nor false")
      }
    }
  }
}

extension ValueKind where Value == Int {
  static func count(_ range: ClosedRange<Int>) -> ValueKind {
    .scalar(noun: "a number", reference: "number, \(range.lowerBound) to \(range.upperBound)", text: \.description) {
      scalar throws(ValueFault) in
      guard let number = WholeNumber.parse(scalar.text) else { throw ValueFault("is not a whole number") }
      guard let value = Int(exactly: number), range.contains(value) else {
        throw ValueFault("is out of range: \(range.lowerBound) to \(range.upperBound)")
      }
      return value
    }
  }

  static func size(_ range: ClosedRange<Int>) -> ValueKind {
    let (low, high) = (SizeText.write(range.lowerBound), SizeText.write(range.upperBound))
    return .scalar(noun: "a size", reference: "size, \(low) to \(high)", text: SizeText.write) {
      scalar throws(ValueFault) in
      guard let bytes = SizeText.parse(scalar.text) else { throw SizeText.fault }
      guard range.contains(bytes) else { throw ValueFault("is out of range: \(low) to \(high)") }
      return bytes
    }
  }
}

extension ValueKind where Value == Int? {
  /// A number, or `none`.
  static func countOrNone(_ range: ClosedRange<Int>) -> ValueKind {
    let count = ValueKind<Int>.count(range)
    return ValueKind(
      noun: "a number or none", reference: "\(count.reference), or `none`",
      text: { $0.map(\.description) ?? "none" },
      decode: { node, decoding in
        if case .scalar(let scalar) = node.content, scalar.text == "none" { return .some(nil) }
        return count.decode(node, &decoding).map(Optional.init)
      })
  }
}

extension ValueKind where Value == Int? {
  /// A size, or `none`.
  static func sizeOrNone(_ range: ClosedRange<Int>) -> ValueKind {
    let size = ValueKind<Int>.size(range)
    return ValueKind(
      noun: "a size or none", reference: "\(size.reference), or `none`",
      text: { $0.map(SizeText.write) ?? "none" },
      decode: { node, decoding in
        if case .scalar(let scalar) = node.content, scalar.text == "none" { return .some(nil) }
        return size.decode(node, &decoding).map(Optional.init)
      })
  }
}

extension ValueKind where Value == UInt64? {
  /// A size without an upper bound, or `none`.
  static var sizeOrNone: ValueKind {
    .scalar(
      noun: "a size or none", reference: "size, or `none`",
      text: SizeText.writeLimit
    ) { scalar throws(ValueFault) in
      if scalar.text == "none" { return nil }
      guard let bytes = SizeText.parse(scalar.text) else { throw SizeText.fault }
      return UInt64(bytes)
    }
  }
}

extension SizeText {
  fileprivate static var fault: ValueFault {
    ValueFault("is not a size; write bytes, or a whole number and KiB, MiB or GiB: 16KiB")
  }
}

extension ValueKind where Value == Duration {
  static func duration(_ range: ClosedRange<Duration>) -> ValueKind { duration(range, isInSeconds: false) }

  /// A duration that is counted in seconds: a fraction of one would be lost.
  static func wholeSeconds(_ range: ClosedRange<Duration>) -> ValueKind { duration(range, isInSeconds: true) }

  private static func duration(_ range: ClosedRange<Duration>, isInSeconds: Bool) -> ValueKind {
    let (low, high) = (DurationText.write(range.lowerBound), DurationText.write(range.upperBound))
    let unit = isInSeconds ? ", in whole seconds" : ""
    return .scalar(noun: "a duration", reference: "duration, \(low) to \(high)\(unit)", text: DurationText.write) {
      scalar throws(ValueFault) in
      guard let duration = DurationText.parse(scalar.text) else {
        throw ValueFault("is not a duration; write a whole number and ms, s, m, h or d: 30s")
      }
      guard range.contains(duration) else { throw ValueFault("is out of range: \(low) to \(high)") }
      guard !isInSeconds || duration.components.attoseconds == 0 else {
        throw ValueFault("is not a whole number of seconds")
      }
      return duration
    }
  }
}

extension ValueKind where Value == Duration? {
  /// A duration, or `none`.
  static func durationOrNone(_ range: ClosedRange<Duration>) -> ValueKind { orNone(.duration(range)) }

  /// A duration that is counted in seconds, or `none`.
  static func wholeSecondsOrNone(_ range: ClosedRange<Duration>) -> ValueKind { orNone(.wholeSeconds(range)) }

  private static func orNone(_ duration: ValueKind<Duration>) -> ValueKind {
    ValueKind(
      noun: "a duration or none", reference: "\(duration.reference), or `none`",
      text: { $0.map(DurationText.write) ?? "none" },
      decode: { node, decoding in
        if case .scalar(let scalar) = node.content, scalar.text == "none" { return .some(nil) }
        return duration.decode(node, &decoding).map(Optional.init)
      })
  }
}

extension ValueKind where Value == String {
  /// Any text that is not empty.
  static func text(_ noun: String) -> ValueKind {
    .scalar(noun: noun, reference: "text", text: \.self) { scalar throws(ValueFault) in
      guard !scalar.text.isEmpty else { throw ValueFault("is empty; expected \(noun)") }
      return scalar.text
    }
  }

  /// A path, resolved against the folder of the file.
  ///
  /// - Parameter use: What becomes of what stands there.
  static func path(_ noun: String, _ use: Decoding.PathUse = .read) -> ValueKind {
    ValueKind(noun: noun, reference: "path") { node, decoding in
      guard let scalar = node.scalar(expected: noun, &decoding) else { return nil }
      guard !scalar.text.isEmpty else {
        decoding.report(node.position, "an empty path; expected \(noun)")
        return nil
      }
      let path = decoding.resolve(scalar.text)
      decoding.names(path, use)
      return path
    }
  }

  /// A name that the file gives to something: it stands in logs and metrics.
  static func name(_ noun: String) -> ValueKind {
    .scalar(noun: noun, reference: "name", text: \.self) { scalar throws(ValueFault) in
      if let fault = NameText.fault(scalar.text) { throw fault }
      return scalar.text
    }
  }
}

/// Names of providers, upstreams and routes.
enum NameText {
  static let bytesMax = 64

  static func fault(_ text: String) -> ValueFault? {
    let isSound = text.utf8.allSatisfy { byte in
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."):
        true
      default: false
      }
    }
    guard isSound, (1...bytesMax).contains(text.utf8.count) else {
      return ValueFault("is not a name; use up to \(bytesMax) letters, digits, \"-\", \"_\" and \".\"")
    }
    return nil
  }
}

extension ValueKind where Value: Equatable {
  /// One of a few words.
  static func choice(_ choices: [(word: String, value: Value)]) -> ValueKind {
    let words = choices.map(\.word)
    let list = words.count < 2 ? words.joined() : words.dropLast().joined(separator: ", ") + " or " + (words.last ?? "")
    let reference = words.map { "`\($0)`" }.joined(separator: ", ")
    @Sendable func word(_ value: Value) -> String? { choices.first { $0.value == value }?.word }
    return .scalar(noun: list, reference: reference, text: word) { scalar throws(ValueFault) in
      if let choice = choices.first(where: { $0.word == scalar.text }) { return choice.value }
      throw ValueFault("is not \(list)" + NearestWord.hint(scalar.text, in: words))
    }
  }
}
