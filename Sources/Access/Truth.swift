/// Whether something holds, where a claim may be there and not say what is asked: what nobody can read is no reason to
/// let anyone in, and least of all where it must not hold (Kleene's logic of three values).
enum Truth: Sendable, Equatable {
  case holds
  case fails
  /// A claim is there that says something else than it should.
  case unknown

  init(_ truth: Bool) { self = truth ? .holds : .fails }

  var negated: Truth {
    switch self {
    case .holds: .fails
    case .fails: .holds
    case .unknown: .unknown
    }
  }
}
