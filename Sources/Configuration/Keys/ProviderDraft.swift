import Tokens

/// `providers.<name>` as written.
struct ProviderDraft: Sendable {
  var issuer: Located<String>?
  var audiences: Audiences?
  var jwksURL: Located<WebAddress>?
  var jwksFile: Located<String>?
  var secretFile: Located<String>?
  var signing: Decoded<SigningDraft>?
  var certificateAuthority: Located<String>?
  var algorithms: [Located<SignatureAlgorithm>]?
  var leeway = Duration.seconds(30)
  var maxAge: Duration?
  var credentialSources = [CredentialSource.authorization]
  var dpop = DPoPUse.off
  var claims = Decoded(ClaimMapping())
  var emailVerification: EmailVerification?
  var require = Decoded(TokenRequirementDraft())
  var tried: Decoded<ProviderTryDraft>?
  var refresh = Decoded(RefreshDraft())
  var introspection: Decoded<IntrospectionDraft>?
  var signIn: Decoded<SignInDraft>?
  var codeFlow: Decoded<CodeFlowDraft>?
  var clientCertificate: Decoded<ClientCertificateDraft>?

  static let keys = KeyTable<ProviderDraft>(
    """
    An issuer whose tokens are accepted. Its keys come from `jwks_url`, `jwks_file`, `secret_file` or `signing`; \
    without any of them, from OpenID Connect Discovery at the issuer. Or, with only `client_certificate`, an authority \
    whose clients present certificates.
    """,
    defaults: ProviderDraft(),
    keys: [
      Key(
        "issuer", ifWritten: \.issuer, ValueKind.text("an issuer").located, presence: .requiredByResolver,
        "The `iss` of its tokens, byte for byte. An https URL (http on loopback) unless the keys come from a file."),
      Key(
        "audiences", ifWritten: \.audiences, .audiences, presence: .requiredByResolver,
        "Tokens need one of them as `aud`; `any` accepts all tokens."),
      Key(
        "jwks_url", ifWritten: \.jwksURL, ValueKind.fetchedURL.located,
        "Where its key set (RFC 7517) is fetched: https, or http on loopback."),
      Key(
        "jwks_file", ifWritten: \.jwksFile, ValueKind.path("a key set's path").located,
        "A file that holds its key set; not writable by everyone."
      ),
      Key(
        "secret_file", ifWritten: \.secretFile, ValueKind.path("a secret's path").located,
        "A file with the shared secret of HS256, HS384 and HS512; not readable by others."),
      Key(
        "signing", ifWritten: \.signing, .mapping(SigningDraft.keys),
        "This gateway issues the tokens itself, and publishes its keys at `\(ProviderConfiguration.publishedKeysPath)`."
      ),
      Key(
        "ca", ifWritten: \.certificateAuthority, ValueKind.path("a PEM file's path").located,
        "A PEM file with the certificate authorities for the issuer's TLS; if omitted, the system's."),
      Key(
        "algorithms", ifWritten: \.algorithms, .list(of: ValueKind.algorithm.located, "algorithms"),
        "Accepted signature algorithms; if omitted, those that fit the keys."),
      Key(
        "leeway", \.leeway, .wholeSeconds(.zero ... .seconds(TokenPolicy.leewayMaxSeconds)),
        "How far the issuer's clock may be off (RFC 7519 §4.1.4)."),
      Key(
        "max_age", ifWritten: \.maxAge, .wholeSeconds(.seconds(1) ... .seconds(366 * 86_400)),
        "How long after `iat` a token is valid, whatever its `exp` says; if omitted, until `exp`."),
      Key(
        "token_from", \.credentialSources, .oneOrMore(of: .credentialSource, "places"),
        """
        Where a token may be. Authorization is checked first, then the protocols of a WebSocket \
        (`Sec-WebSocket-Protocol: bearer, TOKEN`), then cookies in their order. `cookie` alone is the one of \
        `sign_in`, which is also checked if this key is omitted.
        """),
      Key(
        "dpop", \.dpop, .choice(DPoPUse.allCases.map { ($0.rawValue, $0) }),
        """
        Proofs of possession (RFC 9449). `allowed`: a token that is bound to a key (`cnf.jkt`) passes with a proof of \
        that key, one that is not bound passes without. `required`: only bound tokens pass, with their proof. `off`: \
        no bound token passes. A proof is for one server: its `htu` is compared with the request's host, so the \
        provider's routes need `host`. It may say https where the listener speaks http, as TLS may end in front of it. \
        It may be at most 60 s old, plus `leeway`, and passes once in each process: behind a load balancer once in \
        each gateway, and once more after a restart. Unless this is `off`, the gateway uses 28 MiB to remember proofs.
        """),
      Key("claims", \.claims, .mapping(ClaimMapping.keys), "Which claims say who the user is and what they may do."),
      Key(
        "email_verified", ifWritten: \.emailVerification,
        .choice(EmailVerification.allCases.map { ($0.rawValue, $0) }),
        """
        Which `email` rules may rely on. `required`: one that comes with `email_verified: true`. `assumed`: also one \
        without `email_verified`, for an issuer that gives nobody an address that is not theirs. If omitted, \
        `required`; with `signing`, `assumed`.
        """),
      Key(
        "require", \.require, ValueKind.mapping(TokenRequirementDraft.keys).notEmpty, "What its tokens must be like."
      ),
      Key(
        "try", ifWritten: \.tried, ValueKind.mapping(ProviderTryDraft.keys).notEmpty,
        """
        What it may require of its tokens in future: the log and the metrics say which it would refuse. [Trying a \
        provider's checks](access.md#trying-a-providers-checks).
        """),
      Key("refresh", \.refresh, .mapping(RefreshDraft.keys), "How keys are kept fresh."),
      Key(
        "introspection", ifWritten: \.introspection, .mapping(IntrospectionDraft.keys),
        "The issuer is asked about tokens that are not JWTs (RFC 7662)."),
      Key(
        "sign_in", ifWritten: \.signIn, .mapping(SignInDraft.keys),
        "Users sign in at the gateway, and get tokens of this provider."),
      Key(
        "code_flow", ifWritten: \.codeFlow, .mapping(CodeFlowDraft.keys),
        "Browsers sign in at the issuer, and have a session here (OpenID Connect)."),
      Key(
        "client_certificate", ifWritten: \.clientCertificate, .mapping(ClientCertificateDraft.keys),
        "Clients are identified by the certificates that they present. It excludes all other keys."),
    ])
}

/// `providers.<name>.require` as written.
struct TokenRequirementDraft: Sendable {
  var type: String?
  var claims: [ClaimPath] = []

  static let keys = KeyTable<TokenRequirementDraft>(
    "What the provider's tokens must be like, besides what every token must be.",
    defaults: TokenRequirementDraft(),
    keys: [
      Key(
        "typ", ifWritten: \.type, .mediaType,
        "What the header's `typ` must be, such as `at+jwt` (RFC 9068 §2.1); if omitted, `JWT`, `at+jwt` or nothing."),
      Key(
        "claims", \.claims, .list(of: .claimPath, "claims"),
        "Claims that must be present, and not null. A dot leads into an object, `\\.` is a dot in the name."),
    ])
}

/// `providers.<name>.signing` as written.
struct SigningDraft: Sendable {
  var state: Located<String>?
  var algorithm = SignatureAlgorithm.es256
  var secretFiles: [Located<String>]?
  private var rotateEvery: Duration? = .seconds(90 * 86_400)
  var keepFor = Duration.seconds(86_400)

  static let keys = KeyTable<SigningDraft>(
    "This gateway issues the provider's tokens with its own keys: [keys](keys.md#the-gateways-own).",
    defaults: SigningDraft(),
    keys: [
      Key(
        "state", ifWritten: \.state, ValueKind.path("a folder", .kept).located, presence: .required,
        "The folder for its private keys and sign-ins; created at the first start."),
      Key(
        "algorithm", \.algorithm, .algorithm, "The algorithm of new keys; HS256, HS384 and HS512 need `secret_file`."),
      Key(
        "secret_file", ifWritten: \.secretFiles,
        .oneOrMore(of: ValueKind.path("a secret's path").located, "secrets' paths"),
        """
        A file with the secret of HS256, HS384 or HS512, not readable by others, for verifiers that know no other \
        algorithm: [a shared secret](sign-in.md#a-shared-secret). Whoever has it can make tokens. Of a list the first \
        signs, and the others, three at most, verify what they have signed before.
        """),
      Key(
        "rotate_every", \.rotateEvery, .wholeSecondsOrNone(.seconds(3600) ... .seconds(3660 * 86_400)),
        """
        How long a key signs before the next one does, which is made and published an hour earlier (half of this, if \
        that is shorter). `none`: keys are made and deleted by hand.
        """),
      Key(
        "keep_for", \.keepFor, .wholeSeconds(.seconds(60) ... .seconds(3660 * 86_400)),
        """
        How long a key that was replaced stays published; then its file is deleted. At least as long as a token lives, \
        plus `leeway`; if omitted, it is longer where those of `sign_in` live longer.
        """),
    ])
}

extension SigningDraft {
  /// nil for a secret, which is not made here.
  var rotation: KeyRotationConfiguration? {
    if algorithm.isSymmetric { return nil }
    return rotateEvery.map { KeyRotationConfiguration(every: $0, keepFor: keepFor) }
  }
}

/// `providers.<name>.refresh`.
struct RefreshDraft: Sendable {
  var every = Duration.seconds(600)
  var staleFor = Duration.seconds(86_400)
  var cacheFile: Located<String>?

  static let keys = KeyTable<RefreshDraft>(
    "How fetched keys are kept fresh.", defaults: RefreshDraft(),
    keys: [
      Key(
        "every", \.every, .duration(.seconds(30) ... .seconds(86_400)),
        """
        The longest time between two fetches. The `max-age` of the issuer's Cache-Control can shorten it, down to one \
        minute, but never lengthen it; `no-store` and `no-cache` change nothing. Providers with the same key set URL \
        and `ca` share fetches, at the shortest of their times.
        """),
      Key(
        "stale_for", \.staleFor, .duration(.zero ... .seconds(30 * 86_400)),
        """
        How long keys are used while fetching fails, counted from the last successful fetch; then the provider's \
        routes answer 503. 0s, which drops them at the first failure, or at least `every`.
        """),
      Key(
        "cache_file", ifWritten: \.cacheFile, ValueKind.path("a file", .kept).located,
        """
        A file in which the gateway keeps a copy of the last good keys, for a start while the issuer is down: \
        [keys](keys.md). Each provider needs its own, used for nothing else; a file that is not such a copy is never \
        overwritten.
        """),
    ])
}

extension ClaimMapping {
  static let keys = KeyTable<ClaimMapping>(
    "Which claims say who the user is and what they may do. A dot leads into an object, `\\.` is a dot in the name.",
    defaults: ClaimMapping(),
    keys: [
      Key("subject", \.subject, .claimPath, "Who."),
      Key(
        "roles", \.roles, .claimPath,
        "A list, words separated by spaces, or the names of an object's members that are objects: for `require.roles`."),
      Key("scopes", \.scopes, .claimPath, "A list, or words separated by spaces: for `require.scopes`."),
      Key("permissions", \.permissions, .claimPath, "A list, or words separated by spaces: for `require.permissions`."),
    ])
}
