import Access

/// `routes[].rate_limit` as written.
struct RateLimitDraft: Sendable {
  var by: RateLimit.Subject?
  var rate: Rate?
  var burst: Int?

  /// `10/s`, `100/m`, `1000/h`.
  struct Rate: Sendable, Hashable {
    let count: Int64
    let periodSeconds: Int64
  }

  static let keys = KeyTable<RateLimitDraft>(
    """
    How many requests one sender may send. Any more are answered 429 (`rate_limited`), which says when to try again.
    """,
    defaults: RateLimitDraft(),
    keys: [
      Key(
        "by", ifWritten: \.by, .choice(RateLimit.Subject.allCases.map { ($0.rawValue, $0) }), presence: .required,
        """
        `subject` counts what one provider's subject sends, once the token was verified; requests without one as \
        `client` does. `client` counts what comes from one address, or one IPv6 /64, before the token is checked.
        """),
      Key(
        "rate", ifWritten: \.rate, .rate, presence: .required, "Requests per second, minute or hour: `10/s`, `100/m`."),
      Key(
        "burst", ifWritten: \.burst, .count(1...1_000_000),
        "Requests at once, from a sender who has sent none for a while; if omitted, the number in `rate`."),
    ])

  /// nil where something is missing, which was reported.
  var value: RateLimit? {
    guard let by, let rate else { return nil }
    return RateLimit(
      by: by, count: rate.count, periodSeconds: rate.periodSeconds, burst: burst.map { Int64($0) } ?? rate.count)
  }
}

extension ValueKind where Value == RateLimitDraft.Rate {
  static var rate: ValueKind {
    .scalar(noun: "a rate", reference: "rate, 1/h to 1000000/s") { scalar throws(ValueFault) in
      let parts = scalar.text.split(separator: "/", omittingEmptySubsequences: false)
      let periods: [Substring: Int64] = ["s": 1, "m": 60, "h": 3600]
      guard parts.count == 2, let count = WholeNumber.parse(parts[0]), let period = periods[parts[1]] else {
        throw ValueFault("is not a rate; write a whole number and /s, /m or /h: 10/s")
      }
      guard (1...1_000_000).contains(count) else { throw ValueFault("is out of range: 1/h to 1000000/s") }
      return RateLimitDraft.Rate(count: count, periodSeconds: period)
    }
  }
}
