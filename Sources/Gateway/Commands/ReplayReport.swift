import Configuration
import JSON
import Reason
import Telemetry

/// What came of a replay, for people and for programs.
struct ReplayReport {
  private let replay: LogReplay

  init(_ replay: LogReplay) { self.replay = replay }

  private struct Group {
    let change: ReplayFlips.Change
    /// nil: of several for whom there was no room.
    let sender: ReplayFlips.Sender?
    let count: ReplayFlips.Count
  }

  /// Those of most requests first.
  private var groups: [Group] {
    var groups: [Group] = []
    for (change, senders) in replay.flips.changes {
      for (sender, count) in senders { groups.append(Group(change: change, sender: sender, count: count)) }
    }
    for (change, count) in replay.flips.others { groups.append(Group(change: change, sender: nil, count: count)) }
    return groups.sorted {
      ($1.count.requests, was($0.change), $0.change.route ?? "", $0.sender?.subject ?? "", becomes($0.change))
        < ($0.count.requests, was($1.change), $1.change.route ?? "", $1.sender?.subject ?? "", becomes($1.change))
    }
  }

  private var gaps: [(gap: Replay.Gap, count: ReplayFlips.Count)] {
    replay.gaps.map { ($0.key, $0.value) }
      .sorted { ($1.count.requests, $0.gap.text) < ($0.count.requests, $1.gap.text) }
  }

  // MARK: For people

  func text(groupsMax: Int) -> String {
    var parts: [String] = []
    let undecided = replay.requests - replay.decided
    var summary = "\(replay.requests) requests: \(replay.decided) decided, \(replay.flips.requests) of them differently"
    if undecided > 0 { summary += "; \(undecided) cannot be decided" }
    if replay.unenforced > 0 {
      summary += "; \(replay.unenforced) would be refused by what is tried (--enforced)"
    }
    if replay.unreadable > 0 { summary += "; \(replay.unreadable) lines are not the gateway's" }
    parts.append(summary)
    let groups = groups
    if !groups.isEmpty {
      var table = TextTable(["REQUESTS", "WAS", "BECOMES", "ROUTE", "SUBJECT", "PROVIDER", "EXAMPLE"])
      for group in groups.prefix(groupsMax) {
        let change = group.change
        table.add(
          [
            "\(group.count.requests)", was(change), becomes(change), routes(change), subject(group.sender),
            group.sender?.provider ?? "-", TextTable.shown(group.count.example),
          ].map(TerminalText.escaped))
      }
      parts.append(table.text)
      if groups.count > groupsMax { parts.append("and \(groups.count - groupsMax) more groups: --limit, or --json") }
      if replay.flips.rest > 0 { parts.append("and \(replay.flips.rest) requests in more groups than are kept") }
    }
    let gaps = gaps
    if !gaps.isEmpty {
      var table = TextTable(["REQUESTS", "CANNOT BE DECIDED", "EXAMPLE"])
      for (gap, count) in gaps { table.add(["\(count.requests)", gap.text, TextTable.shown(count.example)]) }
      parts.append(table.text)
    }
    return parts.joined(separator: "\n\n")
  }

  private func was(_ change: ReplayFlips.Change) -> String {
    if let reason = change.was { return "\(reason.status) \(reason.rawValue)" }
    return change.wasUpstream.map { "allowed → \($0)" } ?? "allowed"
  }

  private func becomes(_ change: ReplayFlips.Change) -> String {
    switch change.becomes {
    case .answeredHere: "a response from the gateway itself"
    case .refused(let reason, _): "\(reason.status) \(reason.rawValue)"
    case .allowed(let route, _): upstream(of: route).map { "allowed → \($0)" } ?? "redirected"
    }
  }

  private func routes(_ change: ReplayFlips.Change) -> String {
    let before = change.route.map(TextTable.shown) ?? "none"
    let after = route(change).map(TextTable.shown) ?? "none"
    return before == after ? before : "\(before) → \(after)"
  }

  private func subject(_ sender: ReplayFlips.Sender?) -> String {
    guard let sender else { return "(others)" }
    return sender.subject.map(TextTable.shown) ?? "-"
  }

  private func route(_ change: ReplayFlips.Change) -> String? {
    switch change.becomes {
    case .answeredHere: nil
    case .refused(_, let route): route.map { replay.configuration.routes[$0].name }
    case .allowed(let route, _): replay.configuration.routes[route].name
    }
  }

  private func upstream(of route: Int) -> String? {
    guard case .upstream(let index) = replay.configuration.routes[route].destination else { return nil }
    return replay.configuration.upstreams[index].name
  }

  // MARK: For programs

  var json: JSONValue {
    let flips = groups.map { group in
      let change = group.change
      return ReplayReport.object([
        ("requests", .integer(Int64(group.count.requests))),
        ("was", side(change.was, route: change.route, upstream: change.wasUpstream)),
        ("becomes", becomesJSON(change)),
        ("subject", group.sender?.subject.map { .string($0) } ?? .null),
        ("provider", group.sender?.provider.map { .string($0) } ?? .null),
        ("is_of_others", .bool(group.sender == nil)),
        ("example", .string(group.count.example)),
      ])
    }
    let undecided = gaps.map { gap, count in
      ReplayReport.object([
        ("requests", .integer(Int64(count.requests))), ("why", .string(gap.word)),
        ("reason", gap.reason.map { .string($0.rawValue) } ?? .null), ("example", .string(count.example)),
      ])
    }
    return ReplayReport.object([
      ("requests", .integer(Int64(replay.requests))), ("decided", .integer(Int64(replay.decided))),
      ("otherwise", .integer(Int64(replay.flips.requests))),
      ("otherwise_not_listed", .integer(Int64(replay.flips.rest))),
      ("not_enforced", .integer(Int64(replay.unenforced))),
      ("messages", .integer(Int64(replay.messages))), ("unreadable_lines", .integer(Int64(replay.unreadable))),
      ("flips", .array(flips)), ("undecided", .array(undecided)),
    ])
  }

  private func becomesJSON(_ change: ReplayFlips.Change) -> JSONValue {
    switch change.becomes {
    case .answeredHere: .object(["verdict": .string("answered_by_gateway")])
    case .refused(let reason, _): side(reason, route: route(change), upstream: nil)
    case .allowed(let index, _): side(nil, route: route(change), upstream: upstream(of: index))
    }
  }

  private func side(_ reason: Reason?, route: String?, upstream: String?) -> JSONValue {
    ReplayReport.object([
      ("verdict", .string(reason == nil ? "allowed" : "refused")),
      ("reason", reason.map { .string($0.rawValue) } ?? .null),
      ("route", route.map { .string($0) } ?? .null), ("upstream", upstream.map { .string($0) } ?? .null),
    ])
  }

  private static func object(_ members: [(String, JSONValue)]) -> JSONValue {
    JSONObject(members.map { JSONObject.Member(name: $0.0, value: $0.1) }).map { .object($0) } ?? .null
  }
}

extension Replay.Gap {
  /// For programs: stable.
  var word: String {
    switch self {
    case .noRequest: "no_request"
    case .cut: "line_cut"
    case .answeredHere: "answered_by_gateway"
    case .preflight: "preflight"
    case .refusedBefore: "refused_before"
    case .credentialElsewhere: "credential_elsewhere"
    case .unasked: "nobody_asked"
    case .providerUnknown: "provider_unknown"
    case .claimsUnlogged: "claims_not_logged"
    case .claimsTooLarge: "claims_too_large"
    case .claimUnlogged: "claim_not_logged"
    }
  }

  /// Why it was refused.
  var reason: Reason? { if case .refusedBefore(let reason) = self { reason } else { nil } }

  /// For people.
  var text: String {
    switch self {
    case .noRequest: "no request could be read"
    case .cut: "the line is cut"
    case .answeredHere:
      "answered on one of the gateway's own paths, redirected to https, or maybe asked about by a proxy"
    case .preflight: "a browser may have asked for another method (cors)"
    case .refusedBefore(let reason): "refused before its rights were looked at: \(reason.rawValue)"
    case .credentialElsewhere: "it had no token, and one would be looked for elsewhere than in Authorization too"
    case .unasked: "nobody was asked for a token, and would be"
    case .providerUnknown:
      "the token's provider is not known, or its token would not be looked for, or not only by that provider"
    case .claimsUnlogged: "a rule reads claims, and none were logged (log.claims)"
    case .claimsTooLarge: "the claims were too large to be logged"
    case .claimUnlogged: "a rule reads a claim that was not logged (log.claims)"
    }
  }
}
