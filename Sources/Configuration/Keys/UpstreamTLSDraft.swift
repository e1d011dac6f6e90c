/// `upstreams.<name>.tls` as written.
struct UpstreamTLSDraft: Sendable {
  var authorities: Located<String>?
  var serverName: String?
  var certificate: Located<String>?
  var key: Located<String>?

  static let keys = KeyTable<UpstreamTLSDraft>(
    """
    TLS to the servers that begin with `https://`: as on listeners, versions 1.2 and 1.3. Their certificates are always \
    verified. The files are read again on SIGHUP.
    """,
    defaults: UpstreamTLSDraft(),
    keys: [
      Key(
        "ca", ifWritten: \.authorities, ValueKind<String>.path("a file of certificates").located,
        """
        PEM: the authorities whose certificates are trusted, and no others. If omitted, those of the system \
        (`/etc/ssl/certs`).
        """),
      Key(
        "server_name", ifWritten: \.serverName, .serverName,
        """
        The name, or the IP address, that the certificate must be for; a name is also sent to the server (SNI). If \
        omitted, the host in `servers`.
        """),
      Key(
        "certificate", ifWritten: \.certificate, ValueKind<String>.path("a file of certificates").located,
        """
        PEM: the certificate that is presented to a server that asks for one, then its chain to an authority that it \
        trusts.
        """),
      Key(
        "key", ifWritten: \.key, ValueKind<String>.path("a private key").located,
        "PEM: its private key, not encrypted, mode 0600."),
    ])
}

extension ValueKind where Value == String {
  /// A host's name in lower case, or an IP address without brackets.
  static var serverName: ValueKind {
    .scalar(noun: "a host", reference: "name or IP address") { scalar throws(ValueFault) in
      if IPLiteral.isIPv6(scalar.text) { return scalar.text }
      guard let host = HostAndPort(scalar.text), host.port == nil else {
        throw ValueFault("is not a host; write a name such as orders.internal, or an IP address")
      }
      return host.host.text
    }
  }
}
