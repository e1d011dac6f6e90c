import HTTP
import Tokens

/// What a route tries beside what it requires: it refuses nobody but those for whom it is enforced.
///
/// It can take nothing away from what is required, and lets nobody in.
public struct TriedRequirement: Sendable, Hashable {
  /// What is required and what is tried, in one: what whoever it refuses is told to get has to leave both.
  let whole: Requirement
  public var enforcement: Enforcement

  /// - Parameter requirement: What is required already.
  public init(_ tried: Requirement, beside requirement: Requirement, enforcement: Enforcement) {
    whole = Requirement(requirement.conditions + tried.conditions)
    self.enforcement = enforcement
  }

  /// Whether an `owner` stands anywhere in what is required and tried.
  public var namesOwner: Bool { whole.namesOwner }

  /// - Returns: `refusal`, where it is not enforced for whoever has these claims.
  func enforce(_ refusal: Refusal, on claims: ClaimsSet?, _ facts: RequestFacts) throws(Refusal) -> Refusal {
    if facts.isRampStopped { return refusal }
    return try enforcement.enforce(refusal, by: .route, on: claims, facts)
  }
}

/// For whom a requirement is enforced that is tried.
public enum Enforcement: Sendable, Hashable {
  case nobody
  /// For so many in a hundred senders.
  case share(percentage: Int)

  /// - Returns: `refusal`, where it is not enforced for whoever has these claims.
  func enforce(
    _ refusal: Refusal, by trier: Trier, on claims: ClaimsSet?, _ facts: RequestFacts
  ) throws(Refusal) -> Refusal {
    guard isFor(claims, facts) else { return refusal }
    var refusal = refusal
    refusal.trier = trier
    throw refusal
  }

  /// Whether it is enforced for whoever has these claims, or for the client where nobody is known. The same ones each
  /// time, in every process; those of a smaller share are among those of a larger one.
  func isFor(_ claims: ClaimsSet?, _ facts: RequestFacts) -> Bool {
    switch self {
    case .nobody: return false
    case .share(let percentage):
      guard let place = Enforcement.place(of: claims, facts.client) else { return true }
      return place < percentage
    }
  }

  /// 0 to 99; nil of one of whom nothing is known.
  private static func place(of claims: ClaimsSet?, _ client: IPAddress?) -> Int? {
    var hash: UInt64 = 0xCBF2_9CE4_8422_2325
    func add(_ byte: UInt8) { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
    if let claims, let subject = claims.subject {
      for byte in claims.provider.utf8 { add(byte) }
      add(UInt8(ascii: "\n"))
      for byte in subject.utf8 { add(byte) }
    } else if let client {
      // A client with IPv6 has a /64.
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

/// When a share stops being enforced: it refuses more than was meant.
public struct EnforcementBudget: Sendable, Hashable {
  /// Of the route's requests, or those with the provider's tokens, in a window so many in a hundred may be refused for what is tried.
  public var percentage: Int
  public var windowSeconds: Int64

  public init(percentage: Int, windowSeconds: Int64) {
    self.percentage = percentage
    self.windowSeconds = windowSeconds
  }

  /// Whether so many of these requests, of so many people, are more than it allows. A few say nothing yet, and one whose
  /// client tries again and again is one.
  public func isSpent(refused: Int, of requests: Int, byPeople people: Int) -> Bool {
    people >= EnforcementBudget.sendersMin && refused * 100 > percentage * requests
  }

  /// People who may be refused in a window in any case, but for the last.
  public static let sendersMin = 10
}
