import Access
import Configuration
import HTTP
import Reason

/// A route's `rate_limit`, compiled for the loops. Its state belongs to the process: it survives a reload that changes
/// neither the name of the route nor the numbers of the limit.
struct ActiveRateLimit: Sendable {
  let limit: RateLimit
  /// Distinguishes the senders of this limit from those of others.
  private let definition: [UInt8]
  /// The description of the limit in a refusal: field lines of draft-ietf-httpapi-ratelimit-headers-09.
  private let policy: [UInt8]

  init(_ limit: RateLimit, route: String) {
    self.limit = limit
    definition = [UInt8]("\(route)\n\(limit.by.rawValue) \(limit.interval) \(limit.burst)\n".utf8)
    policy = [UInt8](
      "RateLimit-Policy: \"default\";q=\(limit.burst);w=\(limit.windowSeconds)\r\nRateLimit: \"default\";r=0;t=".utf8)
  }

  /// Counts a request, by its subject if the limit is per subject and there is one, and otherwise by its client.
  ///
  /// - Returns: The refusal; nil if the request is within the limit.
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
