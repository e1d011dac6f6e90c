public import Configuration
import HTTP
import JSON
public import Keys
public import Tokens

/// What a provider's discovery document says about the code flow that is configured with it, for whoever sets it up.
/// Nothing is fetched here, and nothing is decided by it.
public struct CodeFlowDiagnosis {
  /// In no particular order.
  public private(set) var findings: [IssuerFinding] = []
  private let members: JSONObject
  private let flow: CodeFlowConfiguration

  /// - Parameters:
  ///   - policy: That of the provider.
  ///   - assertionAlgorithm: What the client's key signs with; nil where there is none, or none that can be used.
  public init(
    _ document: DiscoveryDocument, _ flow: CodeFlowConfiguration, _ policy: TokenPolicy,
    assertionAlgorithm: SignatureAlgorithm?
  ) {
    members = document.members
    self.flow = flow
    do throws(CodeFlowFault) {
      let endpoints = try ProviderEndpoints(document, issuer: policy.issuer)
      lookAtFlow(endpoints)
      lookAtIssuer(endpoints)
      lookAtUserinfo(endpoints)
      lookAtSignOut(endpoints)
    } catch {
      findings.append(
        IssuerFinding(
          .fault, "code flow", "\(error): nobody can sign in",
          remedy: "have the issuer name it in its discovery document, by https"))
    }
    lookAtProofKeys()
    lookAtClient()
    if let assertionAlgorithm { lookAtClientKey(assertionAlgorithm) }
    lookAtScopes()
    lookAtAlgorithms(policy)
    lookAtLogout()
  }

  /// What the document lists under a name; nil where it does not say.
  private func list(_ name: String) -> [String]? { members[name]?.array?.compactMap(\.string) }

  private static func text(_ words: [String]) -> String {
    if words.isEmpty { return "nothing" }
    let shown = words.prefix(shownWordsMax).map { JSONValue.quotedExcerpt($0) }.joined(separator: ", ")
    return words.count > shownWordsMax ? shown + ", …" : shown
  }

  /// Of a list that an issuer made.
  private static let shownWordsMax = 20

  private mutating func lookAtFlow(_ endpoints: ProviderEndpoints) {
    // OpenID Connect Discovery 1.0 §3, with what is taken to be listed where nothing is.
    for (name, needed, assumed) in [
      ("response_types_supported", "code", "code"), ("response_modes_supported", "query", "query"),
      ("grant_types_supported", "authorization_code", "authorization_code"),
    ] {
      let listed = list(name) ?? [assumed]
      if listed.contains(needed) { continue }
      findings.append(
        IssuerFinding(
          .fault, "code flow",
          "\(name) has \(CodeFlowDiagnosis.text(listed)), and not \"\(needed)\": nobody can sign in",
          remedy: "allow the authorization code flow at the issuer"))
      return
    }
    findings.append(
      IssuerFinding(
        .good, "code flow",
        "people sign in at \(ShownURL(endpoints.authorization)); codes go to \(ShownURL(endpoints.token))"))
  }

  /// RFC 9207. A host has one provider, so without it no response is taken for another one's either.
  private mutating func lookAtIssuer(_ endpoints: ProviderEndpoints) {
    findings.append(
      IssuerFinding(
        .good, "iss",
        endpoints.sendsIssuer
          ? "the issuer says that its responses have iss: one without it is refused"
          : "the issuer does not say that its responses have iss: one without it is accepted"))
  }

  private mutating func lookAtUserinfo(_ endpoints: ProviderEndpoints) {
    guard flow.asksUserinfo else { return }
    guard let userinfo = endpoints.userinfo else {
      findings.append(
        IssuerFinding(
          .warning, "userinfo",
          "userinfo: true, and the issuer has no userinfo_endpoint: sessions have the ID token's claims",
          remedy: "have the issuer name it, or put the claims that rules read into ID tokens"))
      return
    }
    findings.append(IssuerFinding(.good, "userinfo", "more claims come from \(ShownURL(userinfo))"))
  }

  private mutating func lookAtSignOut(_ endpoints: ProviderEndpoints) {
    guard let endSession = endpoints.endSession else {
      findings.append(
        IssuerFinding(
          .warning, "sign-out", "the issuer has no end_session_endpoint: whoever signs out here stays signed in there",
          remedy: "have the issuer name it; or say at after_logout that the next sign-in may ask for no password"))
      return
    }
    findings.append(IssuerFinding(.good, "sign-out", "who signs out here is sent to \(ShownURL(endSession))"))
  }

  /// RFC 7636, RFC 8414 §2: an issuer that does not list any method does not say that it checks.
  private mutating func lookAtProofKeys() {
    guard let methods = list("code_challenge_methods_supported") else {
      findings.append(
        IssuerFinding(
          .warning, "PKCE", "the issuer does not say that it checks PKCE: a code that was stolen may be good without",
          remedy: "have the issuer require PKCE of this client, with \(ProofKey.method) (RFC 9700 §2.1.1)"))
      return
    }
    if methods.contains(ProofKey.method) {
      findings.append(IssuerFinding(.good, "PKCE", "the issuer checks it, with \(ProofKey.method)"))
      return
    }
    findings.append(
      IssuerFinding(
        .fault, "PKCE",
        "code_challenge_methods_supported has \(CodeFlowDiagnosis.text(methods)), and not \"\(ProofKey.method)\": "
          + "the issuer may refuse all sign-ins",
        remedy: "allow PKCE with \(ProofKey.method) at the issuer: no other method is used here"))
  }

  private mutating func lookAtClient() {
    let method =
      switch flow.clientAuthentication {
      case nil: "none"
      case .secretFile: "client_secret_basic"
      case .privateKeyFile: "private_key_jwt"
      }
    let listed = list("token_endpoint_auth_methods_supported")
    // OpenID Connect Discovery 1.0 §3: left out, this one.
    let methods = listed ?? ["client_secret_basic"]
    if methods.contains(method) {
      findings.append(IssuerFinding(.good, "client", "the token endpoint takes \(method)"))
      return
    }
    // Many issuers have public clients, and list only what confidential ones do.
    if listed == nil || method == "none" {
      findings.append(
        IssuerFinding(
          .warning, "client", "the issuer does not say that its token endpoint takes \(method)",
          remedy: method == "none"
            ? "see that it knows this gateway as a public client; else give it client_secret_file or private_key_file"
            : "see that it knows this client by \(method)"))
      return
    }
    findings.append(
      IssuerFinding(
        .fault, "client",
        "token_endpoint_auth_methods_supported has \(CodeFlowDiagnosis.text(methods)), and not \"\(method)\": "
          + "no code is exchanged",
        remedy:
          "client_secret_file is client_secret_basic, private_key_file is private_key_jwt: have the issuer take it, "
          + "or configure the other"))
  }

  /// RFC 8414 §2. An issuer that lists none should take RS256 (OpenID Connect Discovery 1.0 §3).
  private mutating func lookAtClientKey(_ algorithm: SignatureAlgorithm) {
    let (name, word) = ("token_endpoint_auth_signing_alg_values_supported", algorithm.rawValue)
    guard let listed = list(name) else {
      let isExpected = algorithm == .rs256
      findings.append(
        IssuerFinding(
          isExpected ? .good : .warning, "client key",
          "the issuer has no \(name)" + (isExpected ? ": it should take \(word), with which the key signs" : ""),
          remedy: isExpected ? nil : "see that it takes \(word), with which the key signs; an RSA key signs with RS256")
      )
      return
    }
    if listed.contains(word) {
      findings.append(IssuerFinding(.good, "client key", "it signs with \(word), which the token endpoint takes"))
      return
    }
    findings.append(
      IssuerFinding(
        .fault, "client key",
        "it signs with \(word), and \(name) has \(CodeFlowDiagnosis.text(listed)): no code is exchanged",
        remedy: "have the issuer take \(word), or make a key of another kind: RSA signs with RS256, EC with the "
          + "algorithm of its curve, Ed25519 with EdDSA"))
  }

  /// RFC 8414 §2: an issuer need not list all.
  private mutating func lookAtScopes() {
    guard let listed = list("scopes_supported") else { return }
    let missing = flow.scopes.filter { !listed.contains($0) }
    if missing.isEmpty {
      findings.append(IssuerFinding(.good, "scopes", "the issuer has all: \(flow.scopes.joined(separator: " "))"))
      return
    }
    findings.append(
      IssuerFinding(
        .warning, "scopes", "the issuer does not list \(CodeFlowDiagnosis.text(missing)): it may refuse all sign-ins",
        remedy: "compare \"scopes\" with what the issuer has for this client"))
  }

  /// ID tokens are verified with what the provider's tokens are.
  private mutating func lookAtAlgorithms(_ policy: TokenPolicy) {
    guard let listed = list("id_token_signing_alg_values_supported") else { return }
    let taken = policy.algorithms ?? SignatureAlgorithm.allCases.filter { !$0.isSymmetric }
    if SignatureAlgorithm.names.contains(where: { taken.contains($0.algorithm) && listed.contains($0.name) }) { return }
    findings.append(
      IssuerFinding(
        .fault, "ID token",
        "the issuer signs ID tokens with \(CodeFlowDiagnosis.text(listed)); none of them is accepted here: nobody can sign in",
        remedy: policy.algorithms == nil
          ? "have the issuer sign them for this client with RS256, PS256, ES256 or EdDSA"
          : "add what the issuer signs with to \"algorithms\""))
  }

  /// OpenID Connect Back-Channel Logout 1.0 §2.1.
  private mutating func lookAtLogout() {
    if members["backchannel_logout_supported"] == .bool(true) {
      let path = "\(flow.origin)\(flow.path)/backchannel-logout"
      findings.append(
        IssuerFinding(.good, "logout", "the issuer has back-channel logout; the client's URL for it is \(path)"))
      return
    }
    findings.append(
      IssuerFinding(
        .warning, "logout",
        "the issuer does not say that it has back-channel logout: who signs out there stays signed in here",
        remedy: "choose lifetime and idle for that, or ask for a refresh token (offline_access)"))
  }
}
