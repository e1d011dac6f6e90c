import Access
import Reason
public import Tokens

extension GatewayConfiguration {
  /// What the tests say that does not hold, each with what was found; nil: all of it holds.
  public func failedTests(now: UnixSeconds) -> Diagnostics? {
    guard !tests.isEmpty else { return nil }
    let evaluator = RequestEvaluator(self)
    let faults = tests.compactMap { test in
      test.fault(in: evaluator, now: now).map { Diagnostic(file: file, position: test.position, message: $0) }
    }
    guard !faults.isEmpty else { return nil }
    var diagnostics = Diagnostics(faults)
    diagnostics.filesNamed = filesRead
    return diagnostics
  }
}

extension PolicyTest {
  /// nil: what was expected.
  fileprivate func fault(in evaluator: RequestEvaluator, now: UnixSeconds) -> String? {
    let routed = evaluator.route(request)
    let claims: ClaimsSet?
    do throws(ClaimConflict) {
      claims = try evaluator.claims(of: identity, on: routed, now: now)
    } catch {
      return "test \(title): the claim \(error.name) would be inside a value that is not an object"
    }
    // Whoever sends it: what is tried is said beside what is required, and not enforced for a share.
    let evaluation = evaluator.decide(routed, claims, now: now, enforcing: .nobody)
    guard let difference = difference(evaluation, evaluator.configuration) else { return nil }
    let lines = (evaluation.findings + evaluation.triedFindings).flatMap { $0.lines(indent: "    ") }
    return (["test \(title): \(difference)"] + lines).joined(separator: "\n")
  }

  private var title: String { "\"\(name ?? request.text)\"" }

  private func difference(_ evaluation: Evaluation, _ configuration: GatewayConfiguration) -> String? {
    let taken = evaluation.routed.route
    let place = taken.map { "route \"\(configuration.routes[$0].name)\"" } ?? "no route"
    if !expectation.holds(evaluation.result) {
      return "expected \(expectation.text), found \(evaluation.result.text) on \(place)"
    }
    if let route, route != taken {
      return "expected route \"\(configuration.routes[route].name)\", found \(place)"
    }
    if let shadow, shadow != evaluation.unenforced {
      return "expected shadow \(shadow.rawValue), found \(evaluation.unenforced?.rawValue ?? "none") on \(place)"
    }
    guard let upstream else { return nil }
    guard case .allowed(let forwarding) = evaluation.result else {
      return "expected upstream \"\(configuration.upstreams[upstream].name)\", found \(evaluation.result.text)"
    }
    if forwarding.destination == .upstream(upstream) { return nil }
    let found =
      if case .upstream(let index) = forwarding.destination {
        "upstream \"\(configuration.upstreams[index].name)\""
      } else {
        "a redirect"
      }
    return "expected upstream \"\(configuration.upstreams[upstream].name)\", found \(found) on \(place)"
  }
}

extension PolicyTest.Expectation {
  fileprivate func holds(_ result: Evaluation.Result) -> Bool {
    switch self {
    case .allowed: result.refusal == nil
    case .refused(let reason): result.refusal == reason
    case .status(let status): result.refusal?.status == status
    }
  }

  fileprivate var text: String {
    switch self {
    case .allowed: "allowed"
    case .refused(let reason): reason.rawValue
    case .status(let status): "\(status)"
    }
  }
}

extension Evaluation.Result {
  /// `allowed`, `403 role_missing`.
  public var text: String {
    switch self {
    case .answeredHere: "a response from the gateway itself"
    case .refused(let reason): "\(reason.status) \(reason.rawValue)"
    case .allowed: "allowed"
    }
  }
}
