import Tokens

/// `providers.<name>.client_certificate` as written.
struct ClientCertificateDraft: Sendable {
  var subject: CertificateRule.Subject?
  var clients: [Decoded<CertifiedClientDraft>]?

  static let keys = KeyTable<ClientCertificateDraft>(
    """
    Clients identified by the certificate that they present on their connection: [client \
    certificates](client-certificates.md).
    """,
    defaults: ClientCertificateDraft(),
    keys: [
      Key(
        "subject", ifWritten: \.subject, .choice(CertificateRule.Subject.allCases.map { ($0.rawValue, $0) }),
        presence: .required,
        """
        Which of the certificate's names identifies the client: a subject alternative name (`uri`, as SPIFFE's, `dns`, \
        `email`), or the subject's `common_name`. It has to be the only one of its kind.
        """),
      Key(
        "clients", ifWritten: \.clients, .list(of: .mapping(CertifiedClientDraft.keys), "clients"),
        """
        Who is known, and what they may do; everyone else is refused. If omitted, everyone whom a listener's \
        `client_ca` vouches for is known, without roles.
        """),
    ])
}

/// `providers.<name>.client_certificate.clients[]` as written.
struct CertifiedClientDraft: Sendable {
  var name: Located<String>?
  var roles: [String] = []
  var permissions: [String] = []

  static let keys = KeyTable<CertifiedClientDraft>(
    "A client identified by a certificate.", defaults: CertifiedClientDraft(),
    keys: [
      Key(
        "name", ifWritten: \.name, ValueKind.text("a name").located, presence: .required,
        "The name in the certificate, byte for byte."),
      Key("roles", \.roles, .list(of: .text("a role"), "roles"), "For `require.roles`."),
      Key("permissions", \.permissions, .list(of: .text("a permission"), "permissions"), "For `require.permissions`."),
    ])
}
