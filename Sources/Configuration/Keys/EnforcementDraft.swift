import Access

/// For whom something is enforced that is tried, as written beside it.
struct EnforcementDraft: Sendable {
  var enforcement = Enforcement.nobody
  var budget = 1
  var window = Duration.seconds(600)

  /// nil: there is nothing to stop.
  var enforcementBudget: EnforcementBudget? {
    if case .nobody = enforcement { return nil }
    return EnforcementBudget(percentage: budget, windowSeconds: window.components.seconds)
  }

}

/// A draft of something that is tried.
protocol TriedDraft: Sendable {
  var enforcement: EnforcementDraft { get set }
}

extension TriedDraft {
  /// `enforce`, `budget` and `per`.
  ///
  /// - Parameters:
  ///   - requests: Of which so many may be refused.
  ///   - place: Where what is enforced for everyone is written.
  static func enforcementKeys(requests: String, place: String) -> [Key<Self>] {
    [
      Key(
        "enforce", \.enforcement.enforcement, .enforcement(place),
        "For whom: `10%` is a tenth of the senders, always the same ones. Everyone else is allowed."),
      Key(
        "budget", \.enforcement.budget, .percentage(1...100),
        "This share of \(requests) may be refused for it within `per`; those of ten senders in any case."),
      Key(
        "per", \.enforcement.window, .wholeSeconds(.seconds(1) ... .seconds(86_400)),
        "How long requests are counted before the count starts again."),
    ]
  }
}

extension ValueKind where Value == Enforcement {
  /// - Parameter place: Where what is enforced for everyone is written.
  static func enforcement(_ place: String) -> ValueKind {
    let noun = "off or a percentage"
    return ValueKind(
      noun: noun, reference: "`off`, or percentage, 1% to 99%",
      text: { enforcement in
        switch enforcement {
        case .nobody: "off"
        case .share(let percentage): "\(percentage)%"
        }
      },
      decode: { node, decoding in
        guard let scalar = node.scalar(expected: noun, &decoding) else { return nil }
        switch scalar.text {
        case "off": return .nobody
        case "on", "100%":
          decoding.report(node.position, "what is enforced for everyone is no longer a trial: move it to \(place)")
          return nil
        default: break
        }
        guard scalar.text.hasSuffix("%") else {
          decoding.report(node.position, "\(scalar.quoted) is not \(noun): 10%")
          return nil
        }
        return ValueKind<Int>.percentage(1...99).decode(node, &decoding).map { .share(percentage: $0) }
      })
  }
}

extension ValueKind where Value == Int {
  /// `10%`.
  static func percentage(_ range: ClosedRange<Int>) -> ValueKind {
    let bounds = "\(range.lowerBound)% to \(range.upperBound)%"
    @Sendable func text(_ percentage: Int) -> String { "\(percentage)%" }
    return .scalar(noun: "a percentage", reference: "percentage, \(bounds)", text: text) {
      scalar throws(ValueFault) in
      guard scalar.text.hasSuffix("%"), let number = WholeNumber.parse(scalar.text.dropLast()) else {
        throw ValueFault("is not a percentage; write a whole number and %: 10%")
      }
      guard let value = Int(exactly: number), range.contains(value) else {
        throw ValueFault("is out of range: \(bounds)")
      }
      return value
    }
  }
}
