import Access
import Configuration
import HTTP
import Reason

/// A route's `rate_limit`, compiled for the loops. Its state is the process's: it outlives a reload as long as the route
/// has its name and the limit its numbers.
struct ActiveRateLimit: Sendable {
  let limit: RateLimit
  /// What tells this limit's senders from others'.
  private let definition: [UInt8]
  /// What a refusal says of the limit: field lines of draft-ietf-httpapi-ratelimit-headers-09.
  private let policy: [UInt8]

  init(_ limit: RateLimit, route: String) {
    self.limit = limit
    definition = [UInt8]("\(route)\n\(limit.by.rawValue) \(limit.interval) \(limit.burst)\n".utf8)
    policy = [UInt8](
      "RateLimit-Policy: \"default\";q=\(limit.burst);w=\(limit.windowSeconds)\r\nRateLimit: \"default\";r=0;t=".utf8)
  }

  /// Counts a request: of a subject, or of the client where `identity` is nobody.
  ///
  /// - Returns: Why it is refused; nil where it is not.
  func count(_ identity: Identity, in context: DecisionContext) -> RefusalResponse? {
    context.sender.removeAll(keepingCapacity: true)
    context.sender += definition
    if limit.by == .subject, let provider = identity.provider, let subject = identity.subject {
      context.sender += provider.utf8
      context.sender.append(UInt8(ascii: "\n"))
      context.sender += subject.utf8
    } else if let address = context.client.address?.counted {
      for index: UInt64 in 0..<8 {
        context.sender.append(UInt8(truncatingIfNeeded: address.high >> (8 * index)))
        context.sender.append(UInt8(truncatingIfNeeded: address.low >> (8 * index)))
      }
    }
    let sender = context.sender
    let verdict = context.rateLimits.count(sender.span, limit, now: context.now)
    guard case .refused(let wait) = verdict else { return nil }
    var refusal = RefusalResponse(.rateLimited)
    refusal.exceeded = RefusalResponse.ExceededLimit(policy: policy, seconds: 1 + (wait - 1) / 1_000_000_000)
    return refusal
  }
}
