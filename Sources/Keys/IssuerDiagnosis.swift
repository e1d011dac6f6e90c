public import Fetch
public import HTTP
internal import JSON
internal import Sockets
public import Tokens

/// What the responses of an issuer say of it, for who sets a provider up or asks why its tokens are refused. Nothing is
/// fetched here, and nothing decides by it.
public enum IssuerDiagnosis {
  /// Days that a certificate should be good for: who renews it late has this long to see it.
  private static let certificateDays: Int64 = 14
  /// By how many seconds clocks may differ without anybody being told.
  private static let clockSeconds: Int64 = 5

  /// An address that was asked in vain.
  public static func failure(_ subject: String, _ address: ShownURL, _ fault: KeyFault) -> IssuerFinding {
    IssuerFinding(.fault, subject, "\(address): \(fault)", remedy: remedy(for: fault))
  }

  /// The finding for a discovery document that was accepted as the issuer's.
  ///
  /// - Parameter address: Where it was fetched.
  public static func discovery(_ document: DiscoveryDocument, at address: ShownURL) -> IssuerFinding {
    IssuerFinding(
      .good, "discovery",
      "\(address) is the issuer's; keys at \(JSONValue.quotedExcerpt(ShownURL(document.keySetAddress).description))")
  }

  /// Whether the server's certificates will go on to verify.
  ///
  /// - Parameters:
  ///   - end: When the first of the server's certificates ends; nil: it has none.
  ///   - consequence: What comes of it when it has.
  public static func certificates(
    end: Int64?, of address: ShownURL, now: UnixSeconds, consequence: String = "no key is fetched any more"
  ) -> IssuerFinding {
    guard address.description.lowercased().hasPrefix("https://") else {
      return IssuerFinding(
        .warning, "TLS", "\(address) is asked without TLS",
        remedy: "fine on one machine for development; otherwise give the issuer a certificate, and use https")
    }
    guard let end else { return IssuerFinding(.good, "TLS", "the certificates verify") }
    let days = (end - now) / 86_400
    guard days < certificateDays else {
      return IssuerFinding(.good, "TLS", "the certificates are valid for \(days) days")
    }
    return IssuerFinding(
      .warning, "TLS", "a certificate expires in \(days) days: then \(consequence)",
      remedy: "have the issuer renew it, and find out why that does not happen automatically")
  }

  /// What the issuer's Cache-Control means for how often its keys are fetched.
  ///
  /// - Parameters:
  ///   - every: How often keys are fetched at least.
  public static func freshness(_ freshness: Freshness, refreshEvery every: Duration) -> IssuerFinding {
    let seconds = every.components.seconds
    switch freshness {
    case .unsaid:
      return IssuerFinding(.good, "cache", "no max-age: keys are fetched every \(seconds) s (refresh.every)")
    case .notToBeKept:
      return IssuerFinding(
        .good, "cache", "no-store or no-cache, as frameworks say by default: keys are fetched every \(seconds) s")
    case .fresh(let duration):
      let age = duration.components.seconds
      if duration < RefreshSchedule.shortest {
        return IssuerFinding(
          .warning, "cache",
          "max-age leaves \(age) s: keys are fetched every \(RefreshSchedule.shortest.components.seconds) s, not sooner",
          remedy: "have the issuer send a max-age of some minutes: a new key is fetched when it is first seen")
      }
      let sooner = RefreshSchedule.interval(every: every, freshness: freshness)
      return IssuerFinding(
        .good, "cache", "max-age leaves \(age) s: keys are fetched every \(sooner.components.seconds) s")
    }
  }

  /// How far this machine's clock is from the issuer's, and what that does to tokens.
  ///
  /// - Parameters:
  ///   - serverTime: What the issuer's clock said; nil: nothing.
  ///   - leeway: The provider's, in seconds.
  public static func clock(serverTime: Int64?, now: UnixSeconds, leeway: Int64) -> IssuerFinding {
    guard let serverTime else {
      return IssuerFinding(.good, "clock", "the issuer does not say what time it is")
    }
    let ahead = serverTime - now
    let text = "this machine's clock is \(abs(ahead)) s \(ahead > 0 ? "behind" : "ahead of") the issuer's"
    if abs(ahead) <= clockSeconds {
      return IssuerFinding(.good, "clock", "agrees with the issuer's, within \(clockSeconds) s")
    }
    let remedy = "set both clocks by NTP; chronyc tracking shows the state of this one"
    if abs(ahead) <= leeway {
      return IssuerFinding(.warning, "clock", "\(text), of \(leeway) s of leeway", remedy: remedy)
    }
    let consequence =
      ahead > 0 ? "new tokens are refused as issued in the future" : "tokens are refused before they expire"
    return IssuerFinding(
      .fault, "clock", "\(text), which is more than leeway (\(leeway) s): \(consequence)", remedy: remedy)
  }

  /// What to do about an address that was asked in vain.
  public static func remedy(for fault: KeyFault) -> String {
    switch fault {
    case .fetch(.certificateRefused):
      "make sure that the issuer sends its whole chain; if its authority is your own, name that in \"ca\""
    case .fetch(.timedOut), .fetch(.failed): "check whether this machine can reach it: name, route, firewall"
    case .fetch: "check what answers at that address"
    case .status(404): "compare \"issuer\", or \"jwks_url\", with what the issuer says about itself"
    case .status: "check what answers at that address; redirects are not followed"
    case .issuerDiffers(let found):
      "write issuer: \(JSONValue.quotedExcerpt(found)) if that is the one you mean: they are compared byte for byte"
    case .discoveryMalformed: "set jwks_url if the issuer has no discovery"
    case .keysInPlainText: "have the issuer give its keys' address with https"
    case .keySet: "check the keys below, and what answers at that address"
    default: "see docs/keys.md"
    }
  }
}
