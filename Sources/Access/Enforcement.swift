import HTTP
import Tokens

/// A dry-run requirement (`try`): evaluated for requests that satisfy what is required, and enforced only for a share
/// of their senders.
///
/// It never relaxes what is required, and never lets a request pass that would otherwise be refused.
public struct TriedRequirement: Sendable, Hashable {
  /// `require` and `try` combined; a remedy offered to a refused client must satisfy both.
  let whole: Requirement
  /// The senders for whom it is enforced.
  public var enforcement: Enforcement

  /// - Parameter requirement: What the route requires.
  public init(_ tried: Requirement, beside requirement: Requirement, enforcement: Enforcement) {
    whole = Requirement(requirement.conditions + tried.conditions)
    self.enforcement = enforcement
  }

  /// Whether what is required or tried contains an `owner` condition.
  public var namesOwner: Bool { whole.namesOwner }

  /// - Returns: `refusal`, if it is not enforced for the sender with these claims.
  /// - Throws: `refusal`, if it is.
  func enforce(_ refusal: Refusal, on claims: ClaimsSet?, _ facts: RequestFacts) throws(Refusal) -> Refusal {
    if facts.isRampStopped { return refusal }
    return try enforcement.enforce(refusal, by: .route, on: claims, facts)
  }
}

/// The senders for whom a tried requirement is enforced.
public enum Enforcement: Sendable, Hashable {
  /// For no sender: it is only evaluated.
  case nobody
  /// For `percentage` percent of senders (1...99), chosen by a stable hash.
  case share(percentage: Int)

  /// - Returns: `refusal`, if it is not enforced for the sender with these claims.
  /// - Throws: `refusal`, if it is.
  func enforce(
    _ refusal: Refusal, by trier: Trier, on claims: ClaimsSet?, _ facts: RequestFacts
  ) throws(Refusal) -> Refusal {
    guard isFor(claims, facts) else { return refusal }
    var refusal = refusal
    refusal.trier = trier
    throw refusal
  }

  /// Whether it is enforced for the sender with these claims, or for the client if they name no subject; always, if
  /// neither is known. The choice is the same each time and in every process, and the senders of a smaller share are
  /// among those of a larger one.
  func isFor(_ claims: ClaimsSet?, _ facts: RequestFacts) -> Bool {
    switch self {
    case .nobody: return false
    case .share(let percentage):
      guard let place = Enforcement.place(of: claims, facts.client) else { return true }
      return place < percentage
    }
  }

  /// The sender's position, 0...99; nil if neither its subject nor its address is known.
  private static func place(of claims: ClaimsSet?, _ client: IPAddress?) -> Int? {
    var hash: UInt64 = 0xCBF2_9CE4_8422_2325
    func add(_ byte: UInt8) { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
    if let claims, let subject = claims.subject {
      for byte in claims.provider.utf8 { add(byte) }
      add(UInt8(ascii: "\n"))
      for byte in subject.utf8 { add(byte) }
    } else if let client {
      // An IPv6 client is identified by its /64.
      let low = client.isIPv4 ? client.low : 0
      for shift: UInt64 in stride(from: 0, to: 64, by: 8) {
        add(UInt8(truncatingIfNeeded: client.high >> shift))
        add(UInt8(truncatingIfNeeded: low >> shift))
      }
    } else {
      return nil
    }
    // FNV's last steps leave the upper bits of short texts alike.
    hash = (hash ^ hash >> 32) &* 0x9E37_79B9_7F4A_7C15
    return Int((hash >> 32) % 100)
  }
}

/// The limit on refusals beyond which enforcement for a share of senders stops.
public struct EnforcementBudget: Sendable, Hashable {
  /// The percentage of requests per window that `try` may refuse before enforcement stops: of the route's requests, or
  /// of those with the provider's tokens.
  public var percentage: Int
  /// The length of a window in seconds.
  public var windowSeconds: Int64

  /// - Parameters:
  ///   - percentage: 1 to 100.
  ///   - windowSeconds: 1 to 86,400.
  public init(percentage: Int, windowSeconds: Int64) {
    self.percentage = percentage
    self.windowSeconds = windowSeconds
  }

  /// Whether the budget is exceeded: at least `sendersMin` different senders and more than `percentage` percent of the
  /// requests were refused. Fewer senders are no evidence yet, and a client that tries again and again counts as one.
  public func isSpent(refused: Int, of requests: Int, byPeople people: Int) -> Bool {
    people >= EnforcementBudget.sendersMin && refused * 100 > percentage * requests
  }

  /// The number of different senders that must have been refused in a window before enforcement stops.
  public static let sendersMin = 10
}
