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
    without any of them by OpenID Connect discovery at the issuer. Or, with `client_certificate` alone, an authority \
    whose clients show certificates.
    """,
    defaults: ProviderDraft(),
    keys: [
      Key(
        "issuer", ifWritten: \.issuer, ValueKind.text("an issuer").located, presence: .requiredByResolver,
        "The `iss` of its tokens, byte for byte. An https URL (http on loopback) unless the keys come from a file."),
      Key(
        "audiences", ifWritten: \.audiences, .audiences, presence: .requiredByResolver,
        "Tokens need one of them as `aud`; `any` takes all tokens."),
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
        "A PEM file with the certificate authorities of the issuer's TLS; left out, the system's."),
      Key(
        "algorithms", ifWritten: \.algorithms, .list(of: ValueKind.algorithm.located, "algorithms"),
        "Signature algorithms that are accepted; left out, those that fit the keys."),
      Key(
        "leeway", \.leeway, .duration(.zero ... .seconds(TokenPolicy.leewayMaxSeconds)),
        "How far the issuer's clock may be off (RFC 7519 §4.1.4)."),
      Key(
        "max_age", ifWritten: \.maxAge, .duration(.seconds(1) ... .seconds(366 * 86_400)),
        "How long after `iat` a token is good, whatever its `exp` says; left out, until `exp`."),
      Key(
        "token_from", \.credentialSources, .oneOrMore(of: .credentialSource, "places"),
        """
        Where a token may stand. One in Authorization is looked at first, then one among the protocols of a WebSocket \
        (`Sec-WebSocket-Protocol: bearer, TOKEN`), then cookies in their order. `cookie` alone is the one of `sign_in`, \
        which is looked at where this key is left out, too.
        """),
      Key(
        "dpop", \.dpop, .choice(DPoPUse.allCases.map { ($0.rawValue, $0) }),
        """
        Proofs of possession (RFC 9449). `allowed`: a token that is bound to a key (`cnf.jkt`) passes with a proof of \
        that key, one that is not bound passes without. `required`: bound tokens pass with their proof, and no others \
        do. `off`: no bound token passes. A proof is for one server: its `htu` is compared with the request's host, so \
        the provider's routes need `host`. It may say https where the listener speaks http, as TLS may end in front of \
        it. It is at most 60 s old, `leeway` on top, and passes once in each process: behind a balancer once in each \
        gateway, and once more after a restart. Not `off`, the gateway takes 28 MiB to remember proofs.
        """),
      Key("claims", \.claims, .mapping(ClaimMapping.keys), "Which claims say who someone is and what they may do."),
      Key(
        "email_verified", ifWritten: \.emailVerification,
        .choice(EmailVerification.allCases.map { ($0.rawValue, $0) }),
        """
        Which `email` rules may go by. `required`: one with `email_verified: true` beside it. `assumed`: also one beside \
        which nothing is said of that, of an issuer that lets nobody have an address that is not theirs. Left out, \
        `required`; with `signing`, `assumed`.
        """),
      Key(
        "require", \.require, ValueKind.mapping(TokenRequirementDraft.keys).notEmpty, "What its tokens have to be like."
      ),
      Key(
        "try", ifWritten: \.tried, ValueKind.mapping(ProviderTryDraft.keys).notEmpty,
        """
        What it may ask of its tokens in future: the log and the metrics say which it would refuse. \
        [Trying a provider's checks](access.md#trying-a-providers-checks).
        """),
      Key("refresh", \.refresh, .mapping(RefreshDraft.keys), "How keys are kept fresh."),
      Key(
        "introspection", ifWritten: \.introspection, .mapping(IntrospectionDraft.keys),
        "Tokens that are no JWT are asked about at the issuer (RFC 7662)."),
      Key(
        "sign_in", ifWritten: \.signIn, .mapping(SignInDraft.keys),
        "People sign in at the gateway, and get tokens of this provider."),
      Key(
        "code_flow", ifWritten: \.codeFlow, .mapping(CodeFlowDraft.keys),
        "Browsers sign in at the issuer, and have a session here (OpenID Connect)."),
      Key(
        "client_certificate", ifWritten: \.clientCertificate, .mapping(ClientCertificateDraft.keys),
        "Clients are known by the certificates that they show. No other key stands beside it."),
    ])
}

/// `providers.<name>.require` as written.
struct TokenRequirementDraft: Sendable {
  var type: String?
  var claims: [ClaimPath] = []

  static let keys = KeyTable<TokenRequirementDraft>(
    "What the provider's tokens have to be like, beside what every token has to be.",
    defaults: TokenRequirementDraft(),
    keys: [
      Key(
        "typ", ifWritten: \.type, .mediaType,
        "What the header's `typ` has to say, such as `at+jwt` (RFC 9068 §2.1); left out, `JWT`, `at+jwt` or nothing."),
      Key(
        "claims", \.claims, .list(of: .claimPath, "claims"),
        "Claims that have to be there, and not null. A dot leads into an object, `\\.` is a dot of the name."),
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
    "This gateway issues the provider's tokens with keys of its own: [keys](keys.md#the-gateways-own).",
    defaults: SigningDraft(),
    keys: [
      Key(
        "state", ifWritten: \.state, ValueKind.path("a folder", .kept).located, presence: .required,
        "The folder of its private keys, and of sign-ins; made at the first start."),
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
        "rotate_every", \.rotateEvery, .durationOrNone(.seconds(3600) ... .seconds(3660 * 86_400)),
        """
        After so long another key signs, which is made and published an hour before (half of this, where that is \
        shorter). `none`: keys are made and deleted by hand.
        """),
      Key(
        "keep_for", \.keepFor, .duration(.seconds(60) ... .seconds(3660 * 86_400)),
        """
        How long a key that was replaced stays published; then its file is deleted. At least as long as a token lives, \
        with `leeway`; left out, it is longer where those of `sign_in` live longer.
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
        How often they are fetched at least. The `max-age` of the issuer's Cache-Control makes it more often, down to \
        once a minute, and never less; `no-store` and `no-cache` change nothing. Providers with the same keys' address \
        and `ca` share the fetches of the shortest.
        """),
      Key(
        "stale_for", \.staleFor, .duration(.zero ... .seconds(30 * 86_400)),
        """
        How long keys are used while fetching fails, counted from the last good fetch; then the provider's routes answer \
        503. 0s, which ends them with the first failure, or at least `every`.
        """),
      Key(
        "cache_file", ifWritten: \.cacheFile, ValueKind.path("a file", .kept).located,
        """
        A file in which the gateway keeps a copy of the last good ones, for a start while the issuer is down: \
        [keys](keys.md). Each provider needs one of its own, that is nothing else; what is no copy is never written over.
        """),
    ])
}

extension ClaimMapping {
  static let keys = KeyTable<ClaimMapping>(
    "Which claims say who someone is and what they may do. A dot leads into an object, `\\.` is a dot of the name.",
    defaults: ClaimMapping(),
    keys: [
      Key("subject", \.subject, .claimPath, "Who."),
      Key(
        "roles", \.roles, .claimPath,
        "A list, words with spaces between, or an object's names whose members are objects: for `require.roles`."),
      Key("scopes", \.scopes, .claimPath, "A list, or words with spaces between: for `require.scopes`."),
      Key("permissions", \.permissions, .claimPath, "A list, or words with spaces between: for `require.permissions`."),
    ])
}
