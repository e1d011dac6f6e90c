import Access
import Admin
import Configuration
import JSON
import Reason

/// What became of a request that was tried, for the one who asks why.
struct RequestExplanation {
  private let evaluation: Evaluation
  private let evaluator: RequestEvaluator
  /// The host that was asked about; nil: none was named.
  private let namedHost: String?
  private let sender: Sender

  enum Sender {
    /// Somebody without a token, or one whose token was never made.
    case supposed
    case token
  }

  init(_ evaluation: Evaluation, _ evaluator: RequestEvaluator, namedHost: String?, sender: Sender) {
    self.evaluation = evaluation
    self.evaluator = evaluator
    self.namedHost = namedHost
    self.sender = sender
  }

  private var configuration: GatewayConfiguration { evaluator.configuration }

  private func name(_ route: Int) -> String { configuration.routes[route].name }

  private var route: String? { evaluation.routed.route.map(name) }

  private var passedOver: [(route: String, difference: String)] {
    evaluator.passedOver(by: evaluation.routed).map { (name($0.route), $0.difference.rawValue) }
  }

  private var path: String { String(decoding: evaluation.routed.path, as: UTF8.self) }

  /// For a terminal.
  var text: String {
    var lines = ["request    \(JSONValue.printable(evaluation.routed.request.text))"]
    if namedHost == nil {
      lines.append("host       \(EvaluatedRequest.anyHost), unless --host says another")
    }
    if !evaluation.routed.path.isEmpty { lines.append("path       \(path)") }
    let passed = passedOver
    for (index, other) in passed.prefix(RequestExplanation.passedOverMax).enumerated() {
      lines.append("\(index == 0 ? "passed by " : "          ") \(other.route): another \(other.difference)")
    }
    if passed.count > RequestExplanation.passedOverMax {
      lines.append("           and \(passed.count - RequestExplanation.passedOverMax) more")
    }
    lines.append("route      \(route ?? "none")")
    if !evaluation.findings.isEmpty {
      lines.append("requires")
      lines += evaluation.findings.flatMap { $0.lines(indent: "  ") }
    }
    if !evaluation.triedFindings.isEmpty {
      lines.append("tries")
      lines += evaluation.triedFindings.flatMap { $0.lines(indent: "  ") }
    }
    switch evaluation.result {
    case .answeredHere: lines.append("verdict    answered by the gateway itself")
    case .refused(let reason):
      lines.append("verdict    refused: \(reason.status) \(reason.rawValue)")
      if let share = evaluation.addressShare {
        lines.append("for        \(share)% of the clients, by their addresses; it is not enforced for the others")
      }
      if let browser { lines.append("browser    \(browser)") }
    case .allowed(let forwarding):
      lines.append("verdict    allowed")
      if let reason = evaluation.unenforced {
        lines.append("shadow     \(reason.status) \(reason.rawValue), which is not enforced")
      }
      switch forwarding.destination {
      case .upstream(let index):
        lines.append("upstream   \(configuration.upstreams[index].name)")
        lines.append("forwards   \(forwarding.method) \(JSONValue.printable(forwarding.target))")
        lines += forwarding.identityFields.map { "           \($0)" }
        if let assertion = forwarding.assertion {
          lines.append("signs      \(assertion.header), for \(JSONValue.printable(assertion.audience))")
        }
        // Not what with: an upstream may be told a key of its own.
        let set = forwarding.headers.set.map(\.name)
        if !set.isEmpty { lines.append("sets       \(set.joined(separator: ", "))") }
        let removed = forwarding.headers.removed
        if !removed.isEmpty { lines.append("removes    \(removed.joined(separator: ", "))") }
        if forwarding.hasToken { lines.append("token      is forwarded too") }
      case .redirect(let redirect): lines.append("redirects  \(redirect.status) \(location(redirect, forwarding))")
      }
    }
    return lines.joined(separator: "\n")
  }

  private func location(_ redirect: RedirectConfiguration, _ forwarding: Evaluation.Forwarding) -> String {
    redirect.path == .appended ? redirect.target + JSONValue.printable(forwarding.target) : redirect.target
  }

  private static let passedOverMax = 20

  /// What a browser is answered instead that asks for a page, as `ActiveSignIn` has it; nil: nothing else.
  private var browser: String? {
    guard case .refused(let reason) = evaluation.result, reason.status == 401,
      evaluation.routed.request.method == "GET",
      let route = evaluation.routed.route,
      let provider = SignInChoice(configuration.routes[route], configuration.providers)
        .provider(for: evaluation.routed.host.utf8Span.span).map({ configuration.providers[$0] }),
      let pages = provider.signInPages
    else { return nil }
    switch reason {
    case .acrInsufficient, .authenticationTooOld:
      if provider.codeFlow != nil {
        return "with a session of \(provider.name): 303 to \(pages.path)/login, to authenticate as the rule asks"
      }
      if reason == .acrInsufficient { return nil }
    default: break
    }
    let page = "303 to \(pages.path)/login, where it asks for a page"
    switch sender {
    case .supposed: return page
    // In another place it stays, and would be refused again.
    case .token: return provider.signIn == nil ? nil : "\(page) and the token stands in the sign-in's cookie"
    }
  }

  /// For programs.
  var json: JSONValue {
    let request = evaluation.routed.request
    var members: [JSONObject.Member] = [
      .init(
        name: "request",
        value: .object([
          "method": .string(request.method), "host": .string(request.host), "target": .string(request.target),
        ])),
      .init(name: "path", value: evaluation.routed.path.isEmpty ? .null : .string(path)),
      .init(name: "route", value: route.map { .string($0) } ?? .null),
      .init(
        name: "passed_over",
        value: .array(
          passedOver.map { .object(["route": .string($0.route), "difference": .string($0.difference)]) })),
      .init(name: "requirements", value: .array(evaluation.findings.map { $0.document() })),
      .init(name: "tried", value: .array(evaluation.triedFindings.map { $0.document() })),
    ]
    switch evaluation.result {
    case .answeredHere: members.append(.init(name: "verdict", value: .string("answered_by_gateway")))
    case .refused(let reason):
      members.append(.init(name: "verdict", value: .string("refused")))
      members.append(.init(name: "status", value: .integer(Int64(reason.status))))
      members.append(.init(name: "reason", value: .string(reason.rawValue)))
      if let share = evaluation.addressShare {
        members.append(.init(name: "percentage_of_addresses", value: .integer(Int64(share))))
      }
      if let browser { members.append(.init(name: "browser", value: .string(browser))) }
    case .allowed(let forwarding):
      members.append(.init(name: "verdict", value: .string("allowed")))
      members.append(.init(name: "forwarded", value: json(of: forwarding)))
    }
    members.append(.init(name: "not_enforced", value: evaluation.unenforced.map { .string($0.rawValue) } ?? .null))
    return JSONObject(members).map { .object($0) } ?? .null
  }

  private func json(of forwarding: Evaluation.Forwarding) -> JSONValue {
    switch forwarding.destination {
    case .redirect(let redirect):
      return .object([
        "redirect": .string(location(redirect, forwarding)), "status": .integer(Int64(redirect.status)),
      ])
    case .upstream(let index):
      let fields = forwarding.identityFields.map { line in
        let parts = line.split(separator: ": ", maxSplits: 1)
        return JSONObject.Member(name: String(parts[0]), value: .string(parts.count > 1 ? String(parts[1]) : ""))
      }
      var members: [JSONObject.Member] = [
        .init(name: "upstream", value: .string(configuration.upstreams[index].name)),
        .init(name: "method", value: .string(forwarding.method)),
        .init(name: "target", value: .string(forwarding.target)),
        .init(name: "identity", value: JSONObject(fields).map { .object($0) } ?? .null),
      ]
      if let assertion = forwarding.assertion {
        let told = JSONValue.object(["header": .string(assertion.header), "audience": .string(assertion.audience)])
        members.append(.init(name: "assertion", value: told))
      }
      func add(_ name: String, _ headers: [String]) {
        if !headers.isEmpty { members.append(.init(name: name, value: .array(headers.map { .string($0) }))) }
      }
      add("sets", forwarding.headers.set.map(\.name))
      add("removes", forwarding.headers.removed)
      if forwarding.hasToken { members.append(.init(name: "token", value: .string("forwarded"))) }
      return JSONObject(members).map { .object($0) } ?? .null
    }
  }
}

extension JSONValue {
  /// A text of somebody else's in a line for a terminal: escaped as in JSON, without quotes.
  fileprivate static func printable(_ text: String) -> String { String(quoted(text).dropFirst().dropLast()) }
}
