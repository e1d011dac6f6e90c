import Access

/// `routes[].try` as written.
struct TryDraft: Sendable {
  var requirement: Decoded<RequirementDraft>?
  var enforcement = Enforcement.nobody
  var budget = 1
  var window = Duration.seconds(600)

  static let keys = KeyTable<TryDraft>(
    """
    What is tried beside `require`: decided for whoever that lets through, and enforced for nobody or for a share of the \
    senders. Where a share refuses too many requests it is enforced for nobody any more.
    """,
    defaults: TryDraft(),
    keys: [
      Key("require", ifWritten: \.requirement, .requirement, presence: .required, "What a token would have to say."),
      Key(
        "enforce", \.enforcement, .enforcement,
        "For whom: `10%` is a tenth of the senders, always the same ones. Anybody else is let through."),
      Key(
        "budget", \.budget, .percentage(1...100),
        "So many of the route's requests may be refused for it within `per`; of ten senders in any case."),
      Key("per", \.window, .duration(.seconds(1) ... .seconds(86_400)), "How long is counted before it begins anew."),
    ])

  /// nil: there is nothing to stop.
  var enforcementBudget: EnforcementBudget? {
    if case .nobody = enforcement { return nil }
    return EnforcementBudget(percentage: budget, windowSeconds: window.components.seconds)
  }
}

extension ValueKind where Value == Enforcement {
  static var enforcement: ValueKind {
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
          decoding.report(node.position, "what is enforced for everyone is not tried: move it to the route's require")
          return nil
        default: break
        }
        guard scalar.text.hasSuffix("%") else {
          decoding.report(node.position, "\"\(scalar.written)\" is not \(noun): 10%")
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
        throw ValueFault("is no percentage; write a whole number and %: 10%")
      }
      guard let value = Int(exactly: number), range.contains(value) else {
        throw ValueFault("is out of range: \(bounds)")
      }
      return value
    }
  }
}
