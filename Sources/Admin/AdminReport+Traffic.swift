import JSON
import Reason
import Telemetry

/// What became of requests: in the last minutes, and since the process began.
extension AdminReport {
  var verdicts: TrafficVerdicts { TrafficVerdicts(counts) }

  /// As JSON.
  func object(_ verdicts: TrafficVerdicts) -> [JSONObject.Member] {
    func number(_ name: String, _ count: UInt64) -> JSONObject.Member {
      JSONObject.Member(name: name, value: .integer(Int64(clamping: count)))
    }
    let forwarded = JSONObject(
      AdminReport.places.map { number(AdminReport.codes[$0], verdicts.forwarded.count(of: $0)) })
    let byBlame = JSONObject(Blame.allCases.map { number($0.rawValue, verdicts.refused(by: $0)) })
    return [
      number("total", verdicts.requests),
      JSONObject.Member(name: "forwarded", value: .object(forwarded ?? [:])), number("answered", verdicts.answered),
      JSONObject.Member(name: "by_blame", value: .object(byBlame ?? [:])),
    ]
  }

  /// For people: each verdict with how many requests it was on lately, and of all.
  var verdictRows: [[String]] {
    let (lately, all) = (recent, verdicts)
    func row(_ text: String, _ count: (TrafficVerdicts) -> UInt64) -> [String] {
      [text, "\(count(lately))", "\(count(all))"]
    }
    // What there is hardly ever is shown where there was any.
    let forwarded = AdminReport.places.filter { (2...5).contains($0) || all.forwarded.count(of: $0) > 0 }
    return forwarded.map { place in
      row("upstream answered \(AdminReport.codes[place])") { $0.forwarded.count(of: place) }
    }
      + [row("gateway answered") { $0.answered }]
      + Blame.allCases.map { blame in row("refused: \(blame.rawValue)") { $0.refused(by: blame) } }
      + [row("all") { $0.requests }]
  }

  /// Why requests were refused on which route: what was frequent lately first.
  var reasonCounts: [(refused: TrafficCounts.Refused, recent: UInt64, count: UInt64)] {
    refusals.map { ($0.refused, recent.refusals[$0.refused] ?? 0, $0.count) }
      .sorted { ($1.1, $1.2) < ($0.1, $0.2) }
  }

  /// Requests for an upstream that were answered with 5xx.
  struct UpstreamErrorCounts {
    var recent = TrafficVerdicts.UpstreamErrors()
    var all = TrafficVerdicts.UpstreamErrors()
  }

  /// By the upstream's name.
  var upstreamErrors: [String: UpstreamErrorCounts] {
    verdicts.upstreamErrors.reduce(into: [:]) { result, errors in
      result[AdminReport.name(errors.key, upstreamNames)] = UpstreamErrorCounts(
        recent: recent.upstreamErrors[errors.key] ?? TrafficVerdicts.UpstreamErrors(), all: errors.value)
    }
  }

  /// The access lines of the last refusals, those that came last first. The last of each kind are among them, so that
  /// many of one do not hide the others.
  func recentRefusals(_ count: Int) -> [JSONObject] {
    func latestFirst(_ lines: [JSONObject]) -> [JSONObject] {
      lines.sorted { ($0["time"]?.string ?? "") > ($1["time"]?.string ?? "") }
    }
    let kinds = RecentRefusals.Kind.allCases
    let byKind = kinds.map { kind in
      latestFirst(
        refused.filter { $0.kind == kind }.flatMap { $0.latestFirst.prefix(count) }.compactMap { object($0.line) })
    }
    let granted = count / kinds.count
    let first = byKind.flatMap { $0.prefix(granted) }
    let others = latestFirst(byKind.flatMap { $0.dropFirst(granted) })
    return latestFirst(first + others.prefix(count - first.count))
  }
}
