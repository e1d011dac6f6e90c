import Access
import JSON
import Proxy
import Reason
import Sockets
import Telemetry

extension AdminReport {
  /// `/status` as JSON.
  func document() -> JSONValue {
    .object([
      "version": .string(version),
      "readiness": .string(readiness.text),
      "uptime_seconds": .integer(Int64(max(0, nowSeconds - startedAtSeconds))),
      "workers": .integer(Int64(workers)),
      "configuration": .object([
        "file": .string(file), "generation": .integer(Int64(clamping: generation)),
        "age_seconds": .integer(Int64(max(0, nowSeconds - reload.takenAtSeconds))),
        "changes": .string(reload.changes),
        "pending": .array(reload.pending.map { .string($0) }),
        "trial_seconds_left": reload.canarySecondsLeft.map { .integer($0) } ?? .null,
        "reloads_refused": .integer(Int64(clamping: reload.refused)),
        "faults": .array(reload.faults.map { .string($0) }),
      ]),
      "faults": .array(faults.map(\.document)),
      "connections": .integer(Int64(openConnections)),
      "memory_bytes": .integer(Int64(clamping: process?.residentBytes ?? 0)),
      "requests": .object(JSONObject(object(verdicts)) ?? [:]),
      "recent": .object(
        JSONObject([JSONObject.Member(name: "seconds", value: .integer(Int64(recentSeconds)))] + object(recent)) ?? [:]),
      "reasons": .array(
        reasonCounts.prefix(20).map {
          .object([
            "reason": .string($0.refused.reason.rawValue), "blame": .string($0.refused.reason.blame.rawValue),
            "route": .string(AdminReport.name($0.refused.route, routeNames)),
            "provider": .string(AdminReport.name($0.refused.provider, providerNames)),
            "recent": .integer(Int64(clamping: $0.recent)), "count": .integer(Int64(clamping: $0.count)),
          ])
        }),
      "tried": triedRoutes,
      "tried_providers": .array(
        triedProviderCounts.map { counted in
          .object([
            "provider": .string(counted.provider.name),
            "enforced_percent": .integer(Int64(counted.provider.percentage)),
            "stopped": .bool(counted.provider.isStopped), "refusals": .integer(Int64(clamping: counted.refused)),
          ])
        }),
      "providers": .array(
        providers.map {
          .object([
            "name": .string($0.name), "issuer": .string($0.issuer),
            "keys": $0.keys.map { .integer(Int64($0)) } ?? .null,
            "age_seconds": age(since: $0.fetchedAtSeconds), "failures": .integer(Int64($0.failures)),
            "tokens": tokens(of: $0),
          ])
        }),
      "upstreams": upstreamList,
      "refusals": .array(recentRefusals(20).map { .object($0) }),
    ])
  }

  private var triedRoutes: JSONValue {
    .array(
      triedRouteCounts.map { counted in
        .object([
          "route": .string(counted.route.name), "enforced_percent": .integer(Int64(counted.route.percentage)),
          "stopped": .bool(counted.route.isStopped), "refusals": .integer(Int64(clamping: counted.refused)),
          "shadow_refusals": .integer(Int64(clamping: counted.shadow)),
        ])
      })
  }

  private var upstreamList: JSONValue {
    let errors = upstreamErrors
    return .array(
      upstreams.map { upstream in
        let counts = errors[upstream.name] ?? UpstreamErrorCounts()
        return .object([
          "name": .string(upstream.name),
          "servers": .array(
            upstream.servers.map {
              .object(["name": .string($0.name), "state": .string($0.health.rawValue)])
            }),
          "errors": .object([
            "own": .integer(Int64(clamping: counts.all.own)),
            "own_recent": .integer(Int64(clamping: counts.recent.own)),
            "in_its_place": .integer(Int64(clamping: counts.all.refused)),
            "in_its_place_recent": .integer(Int64(clamping: counts.recent.refused)),
          ]),
        ])
      })
  }

  private func age(since time: Double?) -> JSONValue { time.map { .integer(Int64(max(0, nowSeconds - $0))) } ?? .null }

  var requestsTotal: UInt64 { counts.routes.reduce(0) { $0 &+ $1.total } }

  /// An access line, without what is not for everybody who asks.
  func object(_ line: [UInt8]) -> JSONObject? {
    guard let object = (try? JSON.parse(line.span))?.object else { return nil }
    return isPublic ? JSONObject(object.members.filter { $0.name != "claims" }) : object
  }
}

extension TriedRoute {
  /// For so many in a hundred senders it is to be enforced.
  var percentage: Int { if case .share(let percentage) = enforcement { percentage } else { 0 } }
}
