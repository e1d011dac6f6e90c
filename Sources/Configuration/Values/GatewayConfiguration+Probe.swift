import Access
import HTTP
import Reason
import Tokens

extension GatewayConfiguration {
  /// What a probe of forged fields is run with. What decides about the fields that an upstream gets is this
  /// configuration's own; what is outside of the process, or would keep the probe away from it, is replaced.
  ///
  /// - Parameter port: Where the upstream listens, on 127.0.0.1, that stands for all of them.
  public func forProbe(upstreamPort port: UInt16) -> GatewayConfiguration {
    var own = self
    own.listeners = [ListenerConfiguration(address: .ipv4("127.0.0.1", port: 0))]
    // The second one speaks TLS, and asks for certificates.
    if providers.contains(where: { $0.certificateRule != nil }) {
      own.listeners.append(ListenerConfiguration(address: .ipv4("127.0.0.2", port: 0)))
    }
    own.admin = nil
    own.otlp = nil
    own.workers = 1
    own.limits = LimitsConfiguration()
    own.trustedProxies = trustedProxies.besidesThisMachine
    own.forwardAuth?.peers = TrustedProxies.thisMachine
    own.revocations = nil
    own.tests = []
    own.protectedResources = []
    own.providers = providers.map(\.forProbe)
    own.upstreams = upstreams.map { $0.forProbe(port) }
    own.routes = routes.map(\.forProbe)
    return own
  }

  /// Said to who reads the result, as it bounds what is proved.
  public static let replacedForProbe = [
    "listeners by one on loopback in clear, and one with TLS where client certificates are asked for; upstreams by a server of the probe's own",
    "providers' keys by one that is thrown away; audiences, algorithms, max_age and require by none",
    "what issuers say of tokens (introspection), and the sessions of code_flow, by what the probe knows of its own",
    "client certificates by those of the probe's own authority, client_certificate.clients by everyone: nothing is proved of "
      + "what other certificates say",
    "dpop: required by allowed; require, clients, rate_limit and limits of routes by none; limits by their defaults",
    "forward_auth.peers by this machine: nothing is proved of what your proxies forward, nor of client certificates there",
    "trusted_proxies by those elsewhere: addresses of this machine stand for clients",
  ]
}

extension ProviderConfiguration {
  fileprivate var forProbe: ProviderConfiguration {
    var own = self
    own.policy.algorithms = nil
    own.policy.audiences = .any
    own.policy.ageMaxSeconds = nil
    own.policy.type = nil
    own.policy.requiredClaims = []
    own.policy.tried = nil
    own.enforcementBudget = nil
    own.policy.tokenBytesMax = LimitsConfiguration().tokenBytesMax
    own.certificateRule = certificateRule.map { CertificateRule(subject: $0.subject, names: nil) }
    if own.dpop == .required { own.dpop = .allowed }
    return own
  }
}

extension UpstreamConfiguration {
  fileprivate func forProbe(_ port: UInt16) -> UpstreamConfiguration {
    var own = self
    own.kind = .servers([ServerConfiguration(.ipv4("127.0.0.1", port: port))])
    own.health = nil
    own.connectionsMax = nil
    own.retries = 0
    return own
  }
}

extension RouteConfiguration {
  fileprivate var forProbe: RouteConfiguration {
    var own = self
    own.rule.requirement = Requirement()
    own.rule.tried = nil
    own.enforcementBudget = nil
    own.rule.anonymousRefusal = .credentialMissing
    own.clients = nil
    own.rateLimit = nil
    own.minimumRate = nil
    own.bodyBytesMax = nil
    return own
  }
}

extension TrustedProxies {
  fileprivate static var thisMachine: TrustedProxies {
    var own = TrustedProxies()
    own.blocks = loopback
    return own
  }

  private static var loopback: [AddressBlock] {
    [("127.0.0.0", 8), ("::1", 128)].compactMap { text, length in
      IPAddress(text).flatMap { AddressBlock($0, prefixLength: length) }
    }
  }

  /// Without the blocks that are of this machine alone: where a proxy stands on it, the probe is none. One that trusts
  /// this machine among others trusts too many, and the probe shows it.
  fileprivate var besidesThisMachine: TrustedProxies {
    var own = self
    own.unixPeers = false
    own.blocks.removeAll { block in TrustedProxies.loopback.contains { block.isWithin($0) } }
    return own
  }
}
