/// Module `Reason`: the one list of reason codes, each with its status and blame.
/// May import: nothing.
/// Never does: anything but name why a request was answered as it was.

/// Why the gateway itself answered a request, or why an exchange ended early.
///
/// The raw value is stable: it stands in the access log, in metrics and in docs/reasons.md. The client is told the
/// status and, for tokens, the RFC 6750 error code alone.
public enum Reason: String, CaseIterable, Sendable {
  // MARK: The request head (RFC 9112)

  /// The request line is not `method SP target SP HTTP/1.x` (RFC 9112 §3).
  case requestLineInvalid = "request_line_invalid"
  /// A line ends in anything but CRLF (RFC 9112 §2.2).
  case lineEndInvalid = "line_end_invalid"
  /// A field name is no token, has no colon directly after it, or the line is folded (RFC 9112 §5).
  case fieldLineInvalid = "field_line_invalid"
  /// A field value holds NUL or another control character (RFC 9110 §5.5).
  case fieldValueInvalid = "field_value_invalid"
  /// Host is absent, repeated or no valid authority (RFC 9112 §3.2).
  case hostInvalid = "host_invalid"
  /// An absolute-form target disagrees with Host or with the listener's scheme (RFC 9112 §3.2.2).
  case authorityMismatch = "authority_mismatch"
  /// The request target has no allowed form (RFC 9112 §3.2).
  case targetInvalid = "target_invalid"
  /// Content-Length is repeated, empty, or no plain decimal below 2^63 (RFC 9110 §8.6).
  case contentLengthInvalid = "content_length_invalid"
  /// Transfer-Encoding is repeated, in HTTP/1.0, or malformed (RFC 9112 §6.1).
  case transferEncodingInvalid = "transfer_encoding_invalid"
  /// A transfer coding other than `chunked` (RFC 9112 §6.1).
  case transferCodingUnsupported = "transfer_coding_unsupported"
  /// Content-Length and Transfer-Encoding in one message (RFC 9112 §6.1).
  case framingConflict = "framing_conflict"
  /// A version other than HTTP/1.0 and HTTP/1.1 (RFC 9110 §15.6.6).
  case versionUnsupported = "version_unsupported"
  /// CONNECT or TRACE (RFC 9110 §9.3), or what a path of the gateway's own does not take.
  case methodRefused = "method_refused"
  /// The request target is longer than `limits.target` (RFC 9110 §15.5.15).
  case targetTooLong = "target_too_long"
  /// The request head is longer than `limits.head` (RFC 6585 §5).
  case headTooLarge = "head_too_large"
  /// The request head has more field lines than `limits.fields`, or Connection names more than 64 (RFC 6585 §5).
  case tooManyFields = "too_many_fields"
  /// Expect holds anything but `100-continue` (RFC 9110 §10.1.1).
  case expectationUnsupported = "expectation_unsupported"
  /// The head did not arrive within `timeouts.head` (RFC 9110 §15.5.9).
  case headTimeout = "head_timeout"

  /// What a trusted proxy says of the client in Forwarded or X-Forwarded-* is malformed or contradicts itself (RFC 7239).
  case forwardedInvalid = "forwarded_invalid"
  /// The connection does not begin with the PROXY protocol's header, which its listener asks for.
  case proxyHeaderInvalid = "proxy_header_invalid"

  /// The request asks for a WebSocket and is no handshake of version 13 (RFC 6455 §4.2.1).
  case upgradeInvalid = "upgrade_invalid"

  // MARK: The request body

  /// A chunk, its extension or its end is malformed (RFC 9112 §7.1).
  case chunkInvalid = "chunk_invalid"
  /// A trailer field is malformed (RFC 9112 §7.1.2).
  case trailerInvalid = "trailer_invalid"
  /// The body is larger than the route's `limits.body` (RFC 9110 §15.5.14).
  case bodyTooLarge = "body_too_large"
  /// The request body stopped arriving.
  case bodyTimeout = "body_timeout"
  /// The request body arrived more slowly than `limits.minimum_rate`.
  case bodyTooSlow = "body_too_slow"
  /// The client closed or reset the connection before the exchange ended.
  case clientClosed = "client_closed"
  /// The client stopped reading the response.
  case clientTimeout = "client_timeout"
  /// The client took the response more slowly than `limits.minimum_rate`.
  case clientTooSlow = "client_too_slow"

  // MARK: The path and the route

  /// The path holds a dot segment, raw or encoded (RFC 3986 §3.3).
  case pathDotSegment = "path_dot_segment"
  /// The path holds `%2f` or `%5c` and the route does not keep them.
  case pathEncodedSlash = "path_encoded_slash"
  /// The path holds a backslash.
  case pathBackslash = "path_backslash"
  /// The path holds `//` and the route does not keep it.
  case pathDoubleSlash = "path_double_slash"
  /// The path holds `;` or `%3b` and the route does not keep it.
  case pathParameter = "path_parameter"
  /// The path holds a byte that no path may hold (RFC 3986 §3.3).
  case pathCharacterInvalid = "path_character_invalid"
  /// The path holds a bad escape, an encoded control character, or bad UTF-8 (RFC 3986 §2.1).
  case pathEscapeInvalid = "path_escape_invalid"
  /// The path decodes to another escape (RFC 3986 §2.4).
  case pathDoubleEncoding = "path_double_encoding"
  /// No route matches host, path and method.
  case noRoute = "no_route"
  /// The certificate that the client was shown is not for the host that it asks for (RFC 9110 §7.4).
  case hostNotCovered = "host_not_covered"

  // MARK: The credential and the token (RFC 6750, RFC 7519, RFC 8725)

  /// The route needs a token and the request holds none.
  case credentialMissing = "credential_missing"
  /// More than one Authorization line (RFC 6750 §2).
  case credentialRepeated = "credential_repeated"
  /// The token cookie stands twice (RFC 6265 §5.4).
  case cookieRepeated = "cookie_repeated"
  /// The token is longer than `limits.token`.
  case tokenTooLarge = "token_too_large"
  /// The token is no compact JWS: not three parts, or not canonical base64url (RFC 7515 §7.1).
  case tokenMalformed = "token_malformed"
  /// The token is a JWE, or a JWS in another serialization (RFC 7516).
  case tokenEncrypted = "token_encrypted"
  /// The JOSE header is no strict JSON object, or a member has the wrong type (RFC 7515 §4).
  case tokenHeaderInvalid = "token_header_invalid"
  /// The header demands extensions: `crit`, `b64`, `cty`, `zip` (RFC 7515 §4.1.11).
  case tokenExtensionRefused = "token_extension_refused"
  /// The header's `typ` is not one that the provider allows (RFC 8725 §3.11).
  case tokenTypeRefused = "token_type_refused"
  /// The header's `alg` is not allowed (RFC 8725 §3.1).
  case algorithmRefused = "algorithm_refused"
  /// The header's `alg` does not fit the key that its `kid` names (RFC 8725 §3.1).
  case keyMismatch = "key_mismatch"
  /// No key of the provider has the token's `kid`.
  case keyUnknown = "key_unknown"
  /// The signature does not hold.
  case signatureInvalid = "signature_invalid"
  /// The payload is no strict JSON object (RFC 7519 §7.2).
  case claimsInvalid = "claims_invalid"
  /// A claim that is required is absent.
  case claimMissing = "claim_missing"
  /// A claim has the wrong type or an impossible value (RFC 7519 §4.1).
  case claimMalformed = "claim_malformed"
  /// `iss` is none of the route's providers (RFC 7519 §4.1.1).
  case issuerUnknown = "issuer_unknown"
  /// `aud` holds none of the provider's audiences (RFC 7519 §4.1.3).
  case audienceMismatch = "audience_mismatch"
  /// `exp` has passed (RFC 7519 §4.1.4).
  case tokenExpired = "token_expired"
  /// `nbf` has not come (RFC 7519 §4.1.5).
  case tokenNotYetValid = "token_not_yet_valid"
  /// `iat` lies in the future (RFC 7519 §4.1.6).
  case tokenIssuedInFuture = "token_issued_in_future"
  /// `iat` lies further back than the provider's `max_age`.
  case tokenTooOld = "token_too_old"
  /// The token verified, and was revoked: it, its subject, its key or its sign-in.
  case tokenRevoked = "token_revoked"
  /// The provider has no usable key set.
  case keysUnavailable = "keys_unavailable"
  /// The issuer says that the token is not active (RFC 7662 §2.2).
  case tokenInactive = "token_inactive"
  /// The issuer could not be asked about the token (RFC 7662).
  case introspectionUnavailable = "introspection_unavailable"

  // MARK: What a token is bound to (RFC 7800, RFC 9449, RFC 8705)

  /// The token is bound to a key, or has to be, and the request holds no proof that the sender has it (RFC 9449 §7.1).
  case proofMissing = "proof_missing"
  /// The proof is malformed, or for another request, token or key (RFC 9449 §4.3).
  case proofInvalid = "proof_invalid"
  /// The proof came before (RFC 9449 §11.1).
  case proofReplayed = "proof_replayed"
  /// As many proofs are remembered as there is room for: whether this one is new cannot be said.
  case proofMemoryFull = "proof_memory_full"
  /// The token is bound to a certificate that the client has not shown (RFC 8705 §3).
  case certificateMismatch = "certificate_mismatch"
  /// The route is for clients with a certificate, and this one has shown none on its connection.
  case certificateMissing = "certificate_missing"
  /// The client's certificate names nobody whom the provider knows, or a reload has changed who is let in by one.
  case certificateRefused = "certificate_refused"
  /// The client's certificate has ended since its connection began.
  case certificateExpired = "certificate_expired"
  /// The client's certificate, or whom it names, is revoked here.
  case certificateRevoked = "certificate_revoked"
  /// The token is bound in a way that is not checked here (RFC 7800 §3.1).
  case confirmationUnsupported = "confirmation_unsupported"

  // MARK: The decision

  /// The identity has none of the roles that the route needs.
  case roleMissing = "role_missing"
  /// The identity lacks a scope that the route needs.
  case scopeMissing = "scope_missing"
  /// The identity lacks a permission that the route needs.
  case permissionMissing = "permission_missing"
  /// A claim does not have the value that the route needs.
  case claimMismatch = "claim_mismatch"
  /// The path names somebody else's: the segment is not the claim that the route's `owner` names.
  case ownerMismatch = "owner_mismatch"
  /// None of the requirements holds that an `any` of the route lists.
  case requirementUnmet = "requirement_unmet"
  /// What the route excludes with `not` holds.
  case requirementExcluded = "requirement_excluded"
  /// They were authenticated longer ago than the route allows, or nobody says when (RFC 9470).
  case authenticationTooOld = "authentication_too_old"
  /// They were authenticated in none of the ways that the route asks for (RFC 9470).
  case acrInsufficient = "acr_insufficient"
  /// The route does not take requests from the client's address.
  case clientRefused = "client_refused"
  /// The request would be another one to the application than the one that is decided about, and another proxy forwards
  /// it: nobody can take the field away.
  case fieldRefused = "field_refused"
  /// A claim cannot stand in an identity header: it holds a control character.
  case identityInvalid = "identity_invalid"

  // MARK: What the route allows beside

  /// A browser asks whether a page of an origin may send a request, and the route's `cors` does not list it; or a page of
  /// another site sends what its browser's cookie lets pass (RFC 6455 §10.2).
  case originRefused = "origin_refused"
  /// More requests than the route's `rate_limit` (RFC 6585 §4).
  case rateLimited = "rate_limited"

  // MARK: Signing in at the gateway (RFC 6749)

  /// No such user, or another password; or a client that does not prove who it is.
  case loginFailed = "login_failed"
  /// Too many failures of an account, or from an address (RFC 6585 §4).
  case loginThrottled = "login_throttled"
  /// As many passwords are being checked as the gateway takes on at a time.
  case loginBusy = "login_busy"
  /// A form, or a request that a cookie speaks for, that does not come from the gateway's own page or host.
  case csrfRefused = "csrf_refused"
  /// What was sent to sign in is malformed, or lacks a part (RFC 6749 §5.2).
  case signInRequestInvalid = "sign_in_request_invalid"
  /// There is no such refresh token, or its sign-in has ended (RFC 6749 §6).
  case refreshRefused = "refresh_refused"
  /// A refresh token came that had been replaced before: its sign-in has ended (RFC 9700 §4.14.2).
  case refreshReused = "refresh_reused"
  /// A new password that is too short, or too long, or was not written the same twice.
  case passwordRefused = "password_refused"
  /// The token of a sign-in is too large for a cookie.
  case cookieTooLarge = "cookie_too_large"
  /// Where sign-ins are kept did not answer.
  case signInUnavailable = "sign_in_unavailable"

  // MARK: Signing in at an OpenID provider (OpenID Connect Core 1.0)

  /// What a browser brings back from the provider is malformed, was not asked for by it, is too old or came before.
  case callbackInvalid = "callback_invalid"
  /// The provider has not let somebody in (RFC 6749 §4.1.2.1).
  case providerRefused = "provider_refused"
  /// The provider has not authenticated somebody as a route asks for, which it was told (RFC 9470 §4).
  case authenticationInsufficient = "authentication_insufficient"
  /// The ID token is not one of the provider for this sign-in (OpenID Connect Core 1.0 §3.1.3.7).
  case idTokenRefused = "id_token_refused"
  /// The provider could not be asked, did not answer as it should, or says that it has failed.
  case providerUnavailable = "provider_unavailable"
  /// A logout token is not one of the provider for this gateway (OpenID Connect Back-Channel Logout 1.0 §2.6).
  case logoutTokenRefused = "logout_token_refused"

  // MARK: The upstream

  /// No connection to any server of the upstream.
  case upstreamUnreachable = "upstream_unreachable"
  /// The upstream did not accept a connection in time.
  case upstreamConnectTimeout = "upstream_connect_timeout"
  /// TLS to the upstream failed: its certificate does not hold, it does not believe ours, or it does not speak TLS.
  case upstreamTlsFailed = "upstream_tls_failed"
  /// The upstream closed or reset the connection before it answered.
  case upstreamClosed = "upstream_closed"
  /// The upstream's response breaks RFC 9112.
  case upstreamAnswerInvalid = "upstream_answer_invalid"
  /// The upstream did not begin its response in time.
  case upstreamTimeout = "upstream_timeout"
  /// The upstream's response ended before its framing said so, or stalled.
  case upstreamTruncated = "upstream_truncated"

  /// No name of the upstream's servers could be resolved so far.
  case upstreamUnresolved = "upstream_unresolved"
  /// Health checks say of every server of the upstream that it is down.
  case upstreamUnavailable = "upstream_unavailable"
  /// As many requests are in flight as `max_connections` allows, and none of them ended in time.
  case upstreamBusy = "upstream_busy"

  // MARK: The gateway

  /// The request has been forwarded by this route before, and has come back (RFC 8586).
  case forwardingLoop = "forwarding_loop"
  /// No descriptor, port or memory was left for a connection to the upstream.
  case resourcesExhausted = "resources_exhausted"
  /// More connections than `limits.connections`.
  case tooManyConnections = "too_many_connections"
  /// Nothing moved in a tunnel for `timeouts.tunnel`.
  case tunnelTimeout = "tunnel_timeout"
  /// `timeouts.drain` ended before the exchange did, or SIGINT ended the wait for it.
  case drainTimeout = "drain_timeout"
  /// The gateway failed; the program log says how.
  case internalError = "internal_error"
}
