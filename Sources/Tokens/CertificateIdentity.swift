internal import JSON

/// Who a client is by the certificate that it has shown on its connection. Made here alone, from a certificate that TLS
/// has verified.
public final class CertificateIdentity: Sendable {
  /// The claims that the certificate stands for: the subject, roles and permissions that the rule gives it; `iss`,
  /// `jti`, `nbf` and `exp` from its issuer, its serial number and its dates; and all of its names, under `uri`, `dns`,
  /// `email` and `common_name`.
  public let claims: ClaimsSet
  /// The certificate's beginning.
  public let validFrom: UnixSeconds
  /// The certificate's end.
  public let deadline: UnixSeconds

  /// - Parameters:
  ///   - rule: Which of its names counts, and what each may do.
  ///   - policy: The provider's.
  ///   - now: The time that its dates are compared with: a connection may outlive them.
  /// - Throws: Why it is nobody here.
  public init(
    _ certificate: CertificateNaming, _ rule: CertificateRule, _ policy: TokenPolicy, now: UnixSeconds
  ) throws(CertificateRefusal) {
    guard certificate.notBefore <= now, now < certificate.notAfter else { throw .outOfDate }
    let names = certificate.names(of: rule.subject)
    // Of several, which one is meant is anyone's guess.
    guard names.count == 1, let name = names.first else { throw .nobody }
    guard let rights = rule.rights(of: name) else { throw .nobody }
    var stated = StatedClaims()
    stated.subject = name
    stated.roles = rights.roles
    stated.permissions = rights.permissions
    let facts: [(String, ClaimValue)] = [
      ("iss", .string(certificate.issuer)), ("jti", .string(certificate.serialNumber)),
      ("nbf", .integer(certificate.notBefore)), ("exp", .integer(certificate.notAfter)),
    ]
    // As `aud` has it (RFC 7519 §4.1.3): one is a string, several are a list.
    let all = CertificateRule.Subject.allCases.map { ($0.rawValue, certificate.names(of: $0)) }
    let named = all.filter { !$0.1.isEmpty }.map { (claim, names) -> (String, ClaimValue) in
      (claim, names.count == 1 ? .string(names[0]) : .list(names.map { .string($0) }))
    }
    stated.others = (facts + named).map { (ClaimPath(name: $0.0), $0.1) }
    guard let value = try? stated.value(policy.claims), let document = try? JSONDocument(value.serialized().span) else {
      throw .nobody
    }
    self.claims = ClaimsSet(document, policy)
    validFrom = certificate.notBefore
    deadline = certificate.notAfter
  }
}

/// What a certificate says (RFC 5280 §4.1).
public struct CertificateNaming: Sendable, Equatable {
  /// Its subject alternative names of the type URI (RFC 5280 §4.2.1.6), in their order.
  public var uris: [String] = []
  /// Its subject alternative names of the type dNSName, in their order.
  public var dnsNames: [String] = []
  /// Its subject alternative names of the type rfc822Name, in their order.
  public var emails: [String] = []
  /// The common names of its subject, in their order.
  public var commonNames: [String] = []
  /// As RFC 4514 writes it.
  public var issuer: String
  /// In lower-case hexadecimal.
  public var serialNumber: String
  /// The first second in which it is valid, in seconds since 1970.
  public var notBefore: UnixSeconds
  /// From this second on it is refused, in seconds since 1970. RFC 5280 §4.1.2.5 would include the second itself.
  public var notAfter: UnixSeconds

  /// A certificate without names, which are added afterwards.
  public init(issuer: String, serialNumber: String, notBefore: UnixSeconds, notAfter: UnixSeconds) {
    self.issuer = issuer
    self.serialNumber = serialNumber
    self.notBefore = notBefore
    self.notAfter = notAfter
  }

  func names(of kind: CertificateRule.Subject) -> [String] {
    switch kind {
    case .uri: uris
    case .dns: dnsNames
    case .email: emails
    case .commonName: commonNames
    }
  }
}

/// Whom certificates name.
public struct CertificateRule: Sendable, Equatable {
  /// Which of its names says who somebody is.
  public enum Subject: String, Sendable, CaseIterable {
    case uri
    case dns
    case email
    case commonName = "common_name"
  }

  /// What somebody may do.
  public struct Rights: Sendable, Equatable {
    /// The values of the claim that `ClaimMapping.roles` names.
    public var roles: [String] = []
    /// The values of the claim that `ClaimMapping.permissions` names.
    public var permissions: [String] = []

    /// Neither roles nor permissions.
    public init() {}
  }

  /// The kind of name that counts. A certificate that has none of the kind, or several, is nobody's.
  public var subject: Subject
  /// nil: everyone whom the listener's `client_ca` vouches for, with no roles.
  ///
  /// By their bytes: Swift's own comparison takes different spellings of a letter for the same.
  private let names: [[UInt8]: Rights]?

  /// - Parameter names: The names that are known, compared byte for byte; of one that is listed twice, the first entry
  ///   counts. nil: every name is known, and has no rights.
  public init(subject: Subject, names: [(name: String, rights: Rights)]?) {
    self.subject = subject
    self.names = names.map { names in
      Dictionary(names.map { ([UInt8]($0.name.utf8), $0.rights) }, uniquingKeysWith: { first, _ in first })
    }
  }

  fileprivate func rights(of name: String) -> Rights? {
    guard let names else { return Rights() }
    return names[[UInt8](name.utf8)]
  }
}

/// Why a certificate is nobody's here.
public enum CertificateRefusal: Error, Equatable {
  /// The time is not between its dates.
  case outOfDate
  /// It has no name of the kind, or several, or one that is not listed.
  case nobody
}
