/// `upstreams.<name>.health` as written.
struct HealthDraft: Sendable {
  var path: String?
  var every = Duration.seconds(5)
  var timeout = Duration.seconds(2)
  var rise = 2
  var fall = 3
  var statuses = 200...399

  static let keys = KeyTable<HealthDraft>(
    """
    Each server is checked with a GET. One that is down gets no requests. A server is up until checks fail; right \
    after the start the first one is enough.
    """,
    defaults: HealthDraft(),
    keys: [
      Key(
        "path", ifWritten: \.path, .healthPath, presence: .required,
        "The path to request, `/healthz`; `Host` is the server as written in `servers`."),
      Key(
        "every", \.every, .duration(.milliseconds(100) ... .seconds(3600)),
        "From the start of one check to the next."),
      Key(
        "timeout", \.timeout, .duration(.milliseconds(10) ... .seconds(60)),
        "From the start of a check to the end of the response head."),
      Key("rise", \.rise, .count(1...100), "Consecutive good responses after which a server that is down is up."),
      Key(
        "fall", \.fall, .count(1...100), "Consecutive bad responses, or none, after which a server that is up is down."),
      Key("status", \.statuses, .statuses, "The statuses of a good response: one, or the first and the last."),
    ])
}

extension ValueKind where Value == String {
  /// A path, perhaps with a query, that stands in a request line as it is (RFC 9112 §3.2.1).
  fileprivate static var healthPath: ValueKind {
    .scalar(noun: "a path", reference: "path of a URL", text: \.self) { scalar throws(ValueFault) in
      guard scalar.text.hasPrefix("/") else { throw ValueFault("is not a path; it begins with /") }
      let isSound = scalar.text.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "#") }
      guard isSound, scalar.text.utf8.count <= 1024 else {
        throw ValueFault("is not a path; use at most 1024 visible ASCII characters without #, others as %XX")
      }
      return scalar.text
    }
  }
}

extension ValueKind where Value == ClosedRange<Int> {
  /// Final statuses (RFC 9110 §15).
  static var statuses: ValueKind {
    @Sendable func text(_ statuses: ClosedRange<Int>) -> String? {
      statuses.count == 1 ? "\(statuses.lowerBound)" : "\(statuses.lowerBound)-\(statuses.upperBound)"
    }
    return .scalar(noun: "statuses", reference: "status, or `first-last`", text: text) { scalar throws(ValueFault) in
      let ends = scalar.text.split(separator: "-", maxSplits: 1, omittingEmptySubsequences: false)
      let numbers = ends.compactMap { WholeNumber.parse($0).flatMap(Int.init(exactly:)) }
      guard numbers.count == ends.count, let first = numbers.first, let last = numbers.last, first <= last,
        (200...599).contains(first), (200...599).contains(last)
      else { throw ValueFault("is not a status; write one of 200 to 599, or the first and the last: 200-399") }
      return first...last
    }
  }
}
