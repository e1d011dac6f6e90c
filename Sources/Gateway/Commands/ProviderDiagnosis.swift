import Configuration
import Crypto
import Fetch
import HTTP
import Introspection
import JSON
import Keys
import OAuth
import Proxy
import Reason
import SignIn
import Sockets
import Telemetry
import Tokens

/// Everything that is to be said of one provider, the worst first.
struct ProviderDiagnosis {
  let provider: String
  let issuer: String
  private(set) var findings: [IssuerFinding] = []
  /// nil: there are none that can be used.
  private var keys: KeySet?

  /// - Parameter token: One of the provider's, to look at as a gateway does; nil: there is none.
  init(_ provider: ProviderConfiguration, token: [UInt8]?, now: UnixSeconds) throws {
    self.provider = provider.name
    issuer = provider.policy.issuer
    if provider.fetchesKeys || provider.codeFlow != nil {
      try look(at: IssuerResponses(provider), of: provider, now)
    }
    switch provider.keys {
    case .jwksURL, .discovery: break
    case .none: findings.append(IssuerFinding(.good, "keys", "none: \(provider.whyNoKeys)"))
    case .jwksFile(let path): lookAtFile(path, of: provider)
    case .secretFile, .signing, .signingSecret: lookAtOwn(provider)
    }
    var token = token
    if let introspection = provider.introspection {
      let asked = token.flatMap { introspection.tokens == .all || !TokenForm.isCompact($0.span) ? $0 : nil }
      let endpoint = IntrospectionEndpoint(introspection, of: provider)
      findings += try IntrospectionResponses(endpoint, token: asked).findings(
        at: ShownURL(introspection.url), dpop: provider.dpop, now: now)
      if asked != nil { token = nil }
    }
    if token != nil, provider.keys == .none {
      findings.append(
        IssuerFinding(
          .fault, "token", "not verified: \(provider.whyNoKeys)",
          remedy: "try a token of another provider, or without one"))
    } else if let token {
      findings.append(finding(ofToken: token, provider, now))
    }
    findings = findings.inOrder
  }

  private mutating func look(at responses: IssuerResponses, of provider: ProviderConfiguration, _ now: UnixSeconds) {
    if let discovery = responses.discovery {
      switch discovery.result {
      case .success(let document): findings.append(IssuerDiagnosis.discovery(document, at: discovery.address))
      case .failure(let fault):
        findings.append(IssuerDiagnosis.failure("discovery", discovery.address, fault))
      }
      if let flow = provider.codeFlow { look(at: flow, discovery.result, of: provider) }
    }
    guard let fetched = responses.keys else { return }
    switch fetched.result {
    case .failure(let fault): findings.append(IssuerDiagnosis.failure("keys", fetched.address, fault))
    case .success(let response):
      findings.append(IssuerDiagnosis.certificates(end: response.certificateEnd, of: fetched.address, now: now))
      findings.append(IssuerDiagnosis.freshness(response.freshness, refreshEvery: provider.refreshEvery))
      findings.append(
        IssuerDiagnosis.clock(serverTime: response.serverTime, now: now, leeway: provider.policy.leewaySeconds))
      take(response.body, of: provider)
    }
  }

  /// What browsers need to sign in at the issuer.
  private mutating func look(
    at flow: CodeFlowConfiguration, _ discovery: Result<DiscoveryDocument, KeyFault>, of provider: ProviderConfiguration
  ) {
    var client: OAuthClient?
    do throws(ClientFault) {
      client = try OAuthClient(id: flow.clientID, ClientAuthentication(flow.clientAuthentication))
    } catch {
      findings.append(
        IssuerFinding(
          .fault, "client", "\(error)", remedy: "fix the file with the client's secret or key that code_flow names"))
    }
    guard case .success(let document) = discovery else {
      findings.append(
        IssuerFinding(
          .fault, "code flow", "not looked at: there is no discovery document, so nobody can sign in",
          remedy: "mend discovery first: the code flow has its endpoints from there, wherever the keys come from"))
      return
    }
    findings +=
      CodeFlowDiagnosis(
        document, flow, provider.policy, assertionAlgorithm: client?.assertionAlgorithm
      ).findings
  }

  private mutating func take(_ text: [UInt8], of provider: ProviderConfiguration) {
    findings += KeyHygiene.findings(text, algorithms: provider.policy.algorithms)
    keys = try? KeySet.parse(jwks: text.span)
  }

  private mutating func lookAtFile(_ path: String, of provider: ProviderConfiguration) {
    do throws(SystemError) {
      take(try FileAccess.read(path, bytesMax: KeyHygiene.bytesMax).bytes, of: provider)
    } catch {
      findings.append(IssuerFinding(.fault, "keys", "\(error)", remedy: "put a JWK Set into \"jwks_file\""))
    }
  }

  private mutating func lookAtOwn(_ provider: ProviderConfiguration) {
    do throws(KeyFault) {
      try KeySource(provider).check()
      findings.append(IssuerFinding(.good, "keys", provider.whatIsUsable))
    } catch {
      findings.append(IssuerFinding(.fault, "keys", "\(error)", remedy: "see docs/keys.md"))
    }
  }

  /// Of a token that is good, but for what was not shown.
  static func unshown(_ reason: Reason) -> IssuerFinding {
    IssuerFinding(
      .fault, "token", "refused: \(reason.rawValue): what it is bound to, or has to be, is not shown here",
      remedy: "see docs/reasons.md, \(reason.rawValue)")
  }

  /// Looks at a token as `token verify` does.
  private func finding(
    ofToken token: [UInt8], _ provider: ProviderConfiguration, _ now: UnixSeconds
  ) -> IssuerFinding {
    guard let keys = keys ?? (provider.fetchesKeys ? nil : try? provider.currentKeys()) else {
      return IssuerFinding(
        .fault, "token", "not verified: there are no keys", remedy: "fix the keys first; then try again")
    }
    do throws(TokenError) {
      let verified = try TokenVerifier(provider.policy).verify(
        token.span, keys: keys, now: now, using: SignatureVerifier())
      if let reason = TokenVerifyCommand.refusal(of: verified.claims.confirmation, provider.dpop) {
        return ProviderDiagnosis.unshown(reason)
      }
      return IssuerFinding(.good, "token", "good, for another \(verified.expiresAt - now) s")
    } catch {
      let lines = TokenExplanation(
        token, provider.policy, keys, .refused(error), nil, dpop: provider.dpop, now: now
      ).lines
      let refused = lines.first { $0.outcome == .refused }.map { line in
        "; \(line.name): wanted \(line.expected)" + (line.found.map { ", found \($0)" } ?? "")
      }
      return IssuerFinding(
        .fault, "token", "refused: \(error.reason.rawValue): \(error)\(refused ?? "")",
        remedy: "see docs/reasons.md, \(error.reason.rawValue); portcullis token verify shows every check")
    }
  }

  // MARK: For people and programs

  var text: String {
    let width = findings.map(\.subject.count).max() ?? 0
    let lines = findings.map { finding in
      let subject = finding.subject + String(repeating: " ", count: width - finding.subject.count)
      // An issuer's words may be in it.
      let line = "  \(finding.severity.word)  \(subject)  \(TerminalText.escaped(finding.verdict))"
      let remedy = finding.remedy.map { TerminalText.escaped($0) }
      return remedy.map { "\(line)\n  \(String(repeating: " ", count: 11 + width))to do: \($0)" } ?? line
    }
    return (["provider \"\(provider)\" (\(TextTable.shown(issuer)))"] + lines).joined(separator: "\n")
  }

  var json: JSONValue {
    .object([
      "provider": .string(provider), "issuer": .string(issuer), "findings": .array(findings.map(\.json)),
    ])
  }
}

extension ProviderConfiguration {
  /// Of the keys that a file of this machine holds.
  fileprivate var whatIsUsable: String {
    switch keys {
    case .secretFile: "the secret can be used"
    case .signingSecret: "the secret that this gateway signs with can be used"
    default: "this gateway's own can be used, or are made at its first start"
    }
  }
}

extension IssuerFinding.Severity {
  fileprivate var word: String {
    switch self {
    case .good: "good   "
    case .warning: "warning"
    case .fault: "FAULT  "
    }
  }

  fileprivate var name: String {
    switch self {
    case .good: "good"
    case .warning: "warning"
    case .fault: "fault"
    }
  }
}

extension IssuerFinding {
  fileprivate var json: JSONValue {
    var members: [JSONObject.Member] = [
      .init(name: "severity", value: .string(severity.name)), .init(name: "subject", value: .string(subject)),
      .init(name: "verdict", value: .string(verdict)),
    ]
    if let remedy { members.append(.init(name: "remedy", value: .string(remedy))) }
    return JSONObject(members).map { .object($0) } ?? .null
  }
}
