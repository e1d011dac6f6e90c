import Configuration
public import JSON

/// The result of a probe: whether anything arrives at an upstream that clients must not be able to send it.
public struct ProbeReport: Sendable {
  /// What became of one trick.
  public enum Verdict: Sendable, Hashable {
    /// The gateway refused the request.
    case refused(status: Int, reason: String?)
    /// The request was forwarded without what must not arrive; or whoever asked about it may forward it, and replaces
    /// that.
    case stripped
    /// What must not arrive was in what the upstream received.
    case arrived
    /// The gateway did not answer, or answered without asking the upstream: nothing is known.
    case unknown(String)

    /// For people; what must not happen is in capitals.
    public var text: String {
      switch self {
      case .refused(let status, let reason): "refused (\(status)\(reason.map { " \($0)" } ?? ""))"
      case .stripped: "stripped"
      case .arrived: "ARRIVED"
      case .unknown(let what): "UNKNOWN (\(what))"
      }
    }

    var isProof: Bool {
      switch self {
      case .refused, .stripped: true
      case .arrived, .unknown: false
      }
    }
  }

  /// One trick on one route.
  public struct Result: Sendable {
    /// What must not arrive: a forged field by its name, a cookie as `Cookie NAME`, or the credential as `token`.
    public let subject: String
    /// How it was sent, in a few words.
    public let trick: String
    /// What became of it.
    public internal(set) var verdict: Verdict
    /// The name of the route, and who sent the request where there are several.
    public let route: String
  }

  /// A route that requests were sent to.
  public struct Route: Sendable {
    /// The name of the route, and who sent requests where there are several.
    public let name: String
    /// The names of routes that forward in the same way, and were therefore left out.
    public let alike: [String]
    /// Why nothing is known of it; nil: a plain request passed, and its harmless field arrived.
    public let fault: String?
  }

  /// In the order in which they were tried.
  public internal(set) var results: [Result] = []
  /// The routes that were tried, and those that could not be.
  public internal(set) var routes: [Route] = []
  /// What of the configuration was replaced for the probe, in words.
  public let replaced = GatewayConfiguration.replacedForProbe

  /// The tricks that worked.
  public var arrived: [Result] { results.filter { $0.verdict == .arrived } }

  /// Whether it is proved that nothing arrives: something was tried, every route could be, and every trick failed.
  public var isProof: Bool {
    !results.isEmpty && routes.allSatisfy { $0.fault == nil } && results.allSatisfy(\.verdict.isProof)
  }

  /// The columns of a table for people: a line for each subject and trick, with the verdict, or the different ones of
  /// several routes.
  public var lines: [[String]] {
    var order: [[String]] = []
    var verdicts: [[String]: [(verdict: Verdict, routes: [String])]] = [:]
    for result in results {
      let key = [result.subject, result.trick]
      if verdicts[key] == nil { order.append(key) }
      var known = verdicts[key] ?? []
      if let place = known.firstIndex(where: { $0.verdict == result.verdict }) {
        known[place].routes.append(result.route)
      } else {
        known.append((result.verdict, [result.route]))
      }
      verdicts[key] = known
    }
    return order.map { key in
      let known = verdicts[key] ?? []
      let words = known.map { verdict, routes in
        known.count == 1 && verdict.isProof ? verdict.text : "\(verdict.text) on \(routes.joined(separator: ", "))"
      }
      return key + [words.joined(separator: "; ")]
    }
  }

  /// In one sentence.
  public var summary: String {
    let count = "\(results.count) requests to \(routes.count) route\(routes.count == 1 ? "" : "s")"
    if results.isEmpty && routes.isEmpty { return "nothing to probe: no route forwards" }
    if !arrived.isEmpty { return "\(count): \(arrived.count) ARRIVED" }
    return isProof ? "\(count): nothing arrived" : "\(count): nothing arrived, but not everything could be tried"
  }

  /// For programs.
  public var json: JSONValue {
    .object([
      "proved": .bool(isProof), "requests": .integer(Int64(results.count)), "arrived": .integer(Int64(arrived.count)),
      "replaced": .array(replaced.map { .string($0) }), "routes": .array(routes.map(\.json)),
      "results": .array(results.map(\.json)),
    ])
  }
}

extension ProbeReport.Route {
  fileprivate var json: JSONValue {
    var members: [JSONObject.Member] = [
      .init(name: "name", value: .string(name)), .init(name: "alike", value: .array(alike.map { .string($0) })),
    ]
    if let fault { members.append(.init(name: "fault", value: .string(fault))) }
    return JSONObject(members).map { .object($0) } ?? .null
  }
}

extension ProbeReport.Result {
  fileprivate var json: JSONValue {
    var members: [JSONObject.Member] = [
      .init(name: "subject", value: .string(subject)), .init(name: "trick", value: .string(trick)),
      .init(name: "route", value: .string(route)),
    ]
    switch verdict {
    case .refused(let status, let reason):
      members.append(.init(name: "verdict", value: .string("refused")))
      members.append(.init(name: "status", value: .integer(Int64(status))))
      if let reason { members.append(.init(name: "reason", value: .string(reason))) }
    case .stripped: members.append(.init(name: "verdict", value: .string("stripped")))
    case .arrived: members.append(.init(name: "verdict", value: .string("arrived")))
    case .unknown(let what):
      members.append(.init(name: "verdict", value: .string("unknown")))
      members.append(.init(name: "fault", value: .string(what)))
    }
    return JSONObject(members).map { .object($0) } ?? .null
  }
}
