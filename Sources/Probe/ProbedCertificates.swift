import TLS

/// What is spoken where clients are known by their certificates: all of it is of an authority of the probe's own.
struct ProbedCertificates {
  /// What the listener shows, and asks for.
  let listener: TLSContext.Settings
  /// What clients show.
  let client: TLSClientContext

  /// The listener's own name.
  static let host = "probe.invalid"

  /// - Parameter hosts: Those of the requests: the listener's certificate is for them (SECURITY P-15).
  init(for hosts: [String]) throws(TLSFault) {
    let authority = try ThrowawayAuthority()
    let names = Set(hosts + [ProbedCertificates.host]).sorted().map { "DNS:\($0)" }
    let server = try authority.issue(commonName: "probe", names: names)
    listener = TLSContext.Settings(
      certificates: [try ServerCertificate(chainPEM: server.chainPEM, keyPEM: server.keyPEM)],
      clients: TLSContext.Clients(authorities: try ClientAuthorities(pem: authority.pem), areRequired: false),
      name: "probe")
    // One name of each kind, so that whichever counts is there.
    let issued = try authority.issue(
      commonName: "probe",
      names: ["URI:spiffe://probe.invalid/probe", "DNS:probe.invalid", "email:probe@probe.invalid"])
    client = try TLSClientContext(
      TLSClientContext.Settings(
        authorities: try ServerAuthorities(pem: authority.pem),
        certificate: try CertifiedKey(chainPEM: issued.chainPEM, keyPEM: issued.keyPEM)))
  }
}
