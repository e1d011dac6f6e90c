/// A value that a claim is compared with: quotes decide in the configuration as they do in a token.
public enum ClaimScalar: Sendable, Hashable {
  case string(String)
  case integer(Int64)
  case boolean(Bool)

  /// As an operator writes it.
  public var text: String {
    switch self {
    case .string(let text): text
    case .integer(let number): "\(number)"
    case .boolean(let truth): "\(truth)"
    }
  }
}
