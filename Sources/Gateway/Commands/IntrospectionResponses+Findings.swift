import Configuration
import HTTP
import Introspection
import Keys
import Reason
import Tokens

extension IntrospectionResponses {
  /// What is to be said of the endpoint, and of the token that it was asked about.
  ///
  /// - Parameter dpop: What the provider makes of proofs.
  func findings(at url: ShownURL, dpop: DPoPUse, now: UnixSeconds) -> [IssuerFinding] {
    guard let ofMadeUp else {
      return [IssuerFinding(.fault, "introspection", "\(url): not asked: libcurl failed", remedy: "ask again")]
    }
    var findings = [IntrospectionResponses.finding(ofMadeUp: ofMadeUp.result, url)]
    if case .success = ofMadeUp.result {
      let certificates = IssuerDiagnosis.certificates(
        end: ofMadeUp.certificateEnd, of: url, now: now, consequence: "no token is introspected any more")
      findings.append(
        IssuerFinding(
          certificates.severity, "introspection TLS", certificates.verdict, remedy: certificates.remedy))
    }
    if let ofToken {
      findings.append(IntrospectionResponses.finding(ofToken: ofToken.result, dpop, now))
    } else if hasToken {
      findings.append(
        IssuerFinding(
          .fault, "token", "not introspected: the endpoint cannot be asked",
          remedy: "fix introspection first; then try again"))
    }
    return findings
  }

  private static func finding(
    ofMadeUp result: Result<IntrospectionResult, IntrospectionFault>, _ url: ShownURL
  ) -> IssuerFinding {
    switch result {
    case .failure(let fault): failure("introspection", "\(url): \(fault)", fault)
    case .success(.inactive), .success(.unavailable):
      IssuerFinding(
        .good, "introspection",
        "\(url) accepts this client's credentials, and reports a made-up token as inactive")
    case .success(.active), .success(.refused):
      IssuerFinding(
        .fault, "introspection", "\(url) reports a made-up token as active: it may do so for any",
        remedy: "check what answers at that address; until it is fixed, nobody may be admitted on its word")
    }
  }

  private static func finding(
    ofToken result: Result<IntrospectionResult, IntrospectionFault>, _ dpop: DPoPUse, _ now: UnixSeconds
  ) -> IssuerFinding {
    switch result {
    case .failure(let fault): failure("token", "not introspected: \(fault)", fault)
    case .success(.active(let token)):
      if let reason = TokenVerifyCommand.refusal(of: token.claims.confirmation, dpop) {
        ProviderDiagnosis.unshown(reason)
      } else {
        IssuerFinding(
          .good, "token",
          "the issuer says that it is active"
            + (token.tokenDeadline == .max ? "" : ", for another \(token.tokenDeadline - now) s"))
      }
    case .success(.inactive), .success(.unavailable):
      IssuerFinding(
        .fault, "token", "refused: token_inactive: the issuer says that it is not active",
        remedy: "see docs/reasons.md, token_inactive; try a new token")
    case .success(.refused(let error)):
      IssuerFinding(
        .fault, "token", "refused: \(error.reason.rawValue): active, but \(error)",
        remedy: "see docs/reasons.md, \(error.reason.rawValue)")
    }
  }

  private static func failure(_ subject: String, _ verdict: String, _ fault: IntrospectionFault) -> IssuerFinding {
    IssuerFinding(.fault, subject, verdict, remedy: remedy(for: fault))
  }

  private static func remedy(for fault: IntrospectionFault) -> String {
    switch fault {
    case .fetch(let error): IssuerDiagnosis.remedy(for: .fetch(error))
    case .client: "fix the file with the client's secret or key that the provider's introspection names"
    case .status(401), .status(403):
      "compare client_id and its secret or key with what the issuer has; the client may have to be allowed to introspect"
    case .status: "compare url with introspection_endpoint of the issuer's metadata; redirects are not followed"
    case .contentType, .responseMalformed: "check what answers at that address; it is not an RFC 7662 endpoint"
    }
  }
}
