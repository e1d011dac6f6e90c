import Access

/// `routes[].enforce` as written.
struct EnforcementDraft: Sendable {
  var percentage: Int?
  var budget = 1
  var window = Duration.seconds(600)

  static let keys = KeyTable<EnforcementDraft>(
    """
    For whom `require` is enforced while it is tried: for a share of the senders, always the same ones. Where it refuses \
    too many requests it is enforced for nobody until the next reload.
    """,
    defaults: EnforcementDraft(),
    keys: [
      Key("percentage", ifWritten: \.percentage, .percentage(1...99), presence: .required, "So many of the senders."),
      Key(
        "budget", \.budget, .percentage(1...100),
        "So many of the route's requests may be refused for it within `per`; ten in any case."),
      Key("per", \.window, .duration(.seconds(1) ... .seconds(86_400)), "How long is counted before it begins anew."),
    ])

  var value: (Enforcement, EnforcementBudget?) {
    guard let percentage else { return (.everyone, nil) }
    return (
      .share(percentage: percentage),
      EnforcementBudget(percentage: budget, windowSeconds: window.components.seconds)
    )
  }
}

/// For whom `require` is enforced, and what stops it.
struct EnforcementChoice: Sendable {
  var enforcement = Enforcement.everyone
  var budget: EnforcementBudget?
}

extension ValueKind where Value == EnforcementChoice {
  static var enforcement: ValueKind {
    let mapping = ValueKind<Decoded<EnforcementDraft>>.mapping(EnforcementDraft.keys)
    let noun = "on, off, a percentage or a mapping"
    return ValueKind(
      noun: noun, reference: "`on`, `off`, percentage, or mapping",
      text: { choice in
        switch choice.enforcement {
        case .everyone: "on"
        case .nobody: "off"
        case .share(let percentage): "\(percentage)%"
        }
      },
      sections: mapping.sections,
      decode: { node, decoding in
        if case .mapping = node.content {
          guard let draft = mapping.decode(node, &decoding)?.value else { return nil }
          return EnforcementChoice(enforcement: draft.value.0, budget: draft.value.1)
        }
        guard let scalar = node.scalar(expected: noun, &decoding) else { return nil }
        switch scalar.text {
        case "on": return EnforcementChoice()
        case "off": return EnforcementChoice(enforcement: .nobody)
        default: break
        }
        guard scalar.text.hasSuffix("%") else {
          decoding.report(node.position, "\"\(scalar.written)\" is not \(noun): 10%")
          return nil
        }
        return ValueKind<Int>.percentage(1...99).decode(node, &decoding).map { percentage in
          var draft = EnforcementDraft()
          draft.percentage = percentage
          return EnforcementChoice(enforcement: draft.value.0, budget: draft.value.1)
        }
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
