extension Reason {
  /// What has happened, in plain text for people.
  public var meaning: String { MarkdownLinks.plain(meaningMarkdown) }

  /// As docs/reasons.md has it: a test compares its rows.
  var meaningMarkdown: String {
    switch self {
    case .requestLineInvalid:
      """
      The first line is not `METHOD target HTTP/1.1` with single spaces (RFC 9112 §3). TLS sent to a plain port looks \
      like this too.
      """
    case .lineEndInvalid: "A line ends in something other than CRLF (RFC 9112 §2.2)."
    case .fieldLineInvalid:
      "A header name is malformed, there is a space before its colon, or a line is folded (RFC 9112 §5)."
    case .fieldValueInvalid:
      """
      A header value contains NUL or another control character, or bytes above ASCII where the gateway reads it (RFC \
      9110 §5.5).
      """
    case .hostInvalid: "`Host` is absent, appears twice, or is not a host with an optional port (RFC 9112 §3.2)."
    case .authorityMismatch:
      "The target is a whole URL that disagrees with `Host` or with the listener's scheme (RFC 9112 §3.2.2)."
    case .targetInvalid:
      """
      The request target is neither a path, nor an http URL, nor `*` for OPTIONS, or it contains `#` or a raw control \
      character (RFC 9112 §3.2).
      """
    case .contentLengthInvalid:
      "`Content-Length` appears twice, is empty, or is not a plain decimal number (RFC 9110 §8.6)."
    case .transferEncodingInvalid:
      "`Transfer-Encoding` appears twice, does not end in `chunked`, or comes with HTTP/1.0 (RFC 9112 §6.1)."
    case .transferCodingUnsupported:
      "`Transfer-Encoding` names another coding before `chunked`, such as `gzip, chunked` (RFC 9112 §6.1)."
    case .framingConflict: "`Content-Length` and `Transfer-Encoding` in one request (RFC 9112 §6.1)."
    case .versionUnsupported: "A version other than HTTP/1.0 and HTTP/1.1."
    case .methodRefused:
      "CONNECT or TRACE, which are refused everywhere; or a method that one of the gateway's own paths does not support."
    case .targetTooLong: "The target is longer than `limits.target`."
    case .headTooLarge: "The request head is longer than `limits.head`. Large cookies are the usual cause."
    case .tooManyFields: "The request head has more lines than `limits.fields`, or Connection names more than 64."
    case .expectationUnsupported: "`Expect` is anything but `100-continue` (RFC 9110 §10.1.1)."
    case .headTimeout: "The head did not arrive within `timeouts.head`."
    case .forwardedInvalid:
      """
      A proxy that `trusted_proxies` names says something about the client that is not an address, scheme, host or \
      port, or `Forwarded` and `X-Forwarded-*` name different clients (RFC 7239). Or a proxy that asks at \
      `forward_auth` does not name one method, host and URI.
      """
    case .proxyHeaderInvalid:
      """
      The connection does not begin with a header of the PROXY protocol, though its listener has `proxy_protocol: \
      true`. There is no response.
      """
    case .upgradeInvalid:
      """
      The request asks for a WebSocket, but does not have exactly one `Sec-WebSocket-Version: 13` and one key of 16 \
      bytes (RFC 6455 §4.2.1).
      """
    case .chunkInvalid: "A chunk's size, extension or end is malformed (RFC 9112 §7.1)."
    case .trailerInvalid: "A trailer line is malformed (RFC 9112 §7.1.2)."
    case .bodyTooLarge: "The body is larger than the route's `limits.body`, or than `limits.body`."
    case .bodyTimeout: "Nothing more of the body arrived for `timeouts.idle`."
    case .bodyTooSlow:
      """
      The body arrived more slowly than `limits.minimum_rate`, for longer than `timeouts.grace`: [slow \
      clients](clients.md#slow-clients). If the response had begun, it is cut off.
      """
    case .clientClosed: "The client closed the connection before the response was complete."
    case .clientTimeout: "The client stopped reading the response for `timeouts.idle`."
    case .clientTooSlow:
      "The client read the response more slowly than `limits.minimum_rate`, for longer than `timeouts.grace`. It was cut off."
    case .pathDotSegment: "The path contains `.` or `..` as a segment, encoded or not."
    case .pathEncodedSlash: "The path contains `%2F` or `%5C`."
    case .pathBackslash: "The path contains a backslash."
    case .pathDoubleSlash: "The path contains `//`."
    case .pathParameter: "The path contains `;` or `%3B`."
    case .pathCharacterInvalid:
      "The path contains a character that no path may contain, such as a raw quote, `<` or a byte above ASCII."
    case .pathEscapeInvalid:
      "A `%` without two hexadecimal digits, an encoded control character, or bytes that are not UTF-8."
    case .pathDoubleEncoding: "The path decodes to another escape: `%2541`."
    case .noRoute:
      "No route matches host, path and method together. None ever matches a method with lower-case letters: `delete`."
    case .hostNotCovered:
      "On a TLS listener: Host is not a name in the certificate that the client was given (RFC 9110 §7.4)."
    case .credentialMissing: "The route needs a token, and there is none where the provider's `token_from` looks."
    case .credentialRepeated:
      """
      There is more than one `Authorization` line; or, with `token_from: websocket_protocol`, more than one `bearer` \
      among the protocols of a WebSocket, or one and several lines of them.
      """
    case .cookieRepeated: "The token's cookie appears twice in the request."
    case .tokenTooLarge: "The token is longer than `limits.token`."
    case .tokenMalformed:
      """
      Not a compact JWS: not three parts separated by dots, or not canonical base64url (RFC 7515 §7.1). With \
      `introspection`, where a token may be opaque: it contains a character that no token may (RFC 6750 §2.1). Or \
      `bearer` among the protocols of a WebSocket is not in lower case, or has no token after it, or something among \
      them is not a protocol name: [routes](routes.md#tokens-of-pages-that-open-websockets).
      """
    case .tokenEncrypted: "An encrypted token (JWE), or a JWS in another form (RFC 7516)."
    case .tokenHeaderInvalid:
      "The token's header is not a strict JSON object, or a member of it has the wrong type (RFC 7515 §4)."
    case .tokenExtensionRefused: "The header demands an extension: `crit`, `b64`, `cty` or `zip` (RFC 7515 §4.1.11)."
    case .tokenTypeRefused: "The header's `typ` is for another purpose, such as a logout token (RFC 8725 §3.11)."
    case .algorithmRefused: "The header's `alg` is not among the provider's `algorithms`, or is `none` (RFC 8725 §3.1)."
    case .keyMismatch: "The header's `alg` does not fit the key that its `kid` names (RFC 8725 §3.1)."
    case .keyUnknown:
      """
      The provider has no key with the token's `kid`. Its key set is fetched again for such a token, but not within \
      30 s of the last fetch, and in vain while fetching fails: [unknown keys](keys.md#unknown-keys).
      """
    case .signatureInvalid: "The signature is not valid."
    case .claimsInvalid:
      "The payload is not a strict JSON object: bad JSON, a repeated name, nested too deeply (RFC 7519 §7.2)."
    case .claimMissing:
      """
      A claim that is always needed is absent: `iss`, `exp`, or `aud` if `audiences` are set; or `email_verified` \
      where `claims.subject` is `email`.
      """
    case .claimMalformed:
      "A claim has the wrong type or an impossible value: `exp` as a string, `aud` as a number (RFC 7519 §4.1)."
    case .issuerUnknown:
      "`iss` is not, byte for byte, the `issuer` of a provider of the route, or cannot be read if it has several."
    case .audienceMismatch: "`aud` holds none of the provider's `audiences`."
    case .tokenExpired: "`exp` has passed, `leeway` included."
    case .tokenNotYetValid: "`nbf` has not come, `leeway` included."
    case .tokenIssuedInFuture: "`iat` is in the future, `leeway` included."
    case .tokenTooOld: "`iat` is longer ago than the provider's `max_age`, though `exp` has not passed."
    case .tokenRevoked:
      """
      The token verified, and was revoked before its `exp`: `revocations.file` lists its `jti`, subject, key or sign-in; \
      its sign-in or session has ended, for example by logout, `portcullis sign-ins revoke`, `POST /revoke`, a reused \
      refresh token or a changed password; or `POST /revoke` named its `jti`.
      """
    case .keysUnavailable:
      """
      The provider has no usable keys: none could be fetched yet (a request waits for the first fetch, at most a few \
      seconds), or the last ones are older than `refresh.stale_for`.
      """
    case .tokenInactive:
      """
      The issuer was asked about the token (RFC 7662) and says that it is not active: expired, revoked, or not one of \
      its own. The issuer does not say which.
      """
    case .introspectionUnavailable:
      """
      The issuer could not be asked about the token: it is not reachable, is too slow (5 s), does not answer as RFC \
      7662 says, or too many tokens are waiting for it: 1,024, or 128 from one address. After several consecutive \
      failures it is not asked for a moment, at most 5 s, and requests are answered at once; a response that concerns \
      only one token (400, JSON that is not strict, more than 64 KiB) does not count as a failure.
      """
    case .proofMissing:
      """
      The token is bound to a key (`cnf.jkt`), and there is no `DPoP` header, or the token came as `Bearer`. Or the \
      provider has `dpop: required`, and the token is not bound.
      """
    case .proofInvalid:
      """
      The proof breaks a rule of RFC 9449 §4.3: more than one `DPoP` header, not a JWT of `typ` `dpop+jwt` with a \
      public `jwk`, another `htm` than the method, another `htu` than the URL (without its query), an `iat` that is \
      more than a minute off (plus `leeway`), an `ath` for another token, another key than the token's, or a bad \
      signature. Or the token under the scheme `DPoP` is not bound to a key.
      """
    case .proofReplayed:
      """
      A proof of this key with the same `jti` came before, to this process: each remembers its own, so that behind a \
      load balancer a proof passes once in each gateway, and once more after a restart or SIGUSR2.
      """
    case .proofMemoryFull:
      """
      There is no room to remember more proofs, so whether this one is new cannot be determined. A proof is remembered \
      for 125 s from its `iat` on; there is room for 1,048,576, and for 131,072 of them for each eighth of the keys, \
      so that one key cannot shut out more than those.
      """
    case .certificateMismatch:
      """
      The token is bound to a client certificate (`cnf.x5t#S256`, RFC 8705), and the client has presented another on \
      this connection, or none; or a trusted proxy is in between, which presents its own.
      """
    case .certificateMissing:
      "The route is only for clients with a certificate, and the client has presented none on its connection."
    case .certificateRefused:
      """
      The client's certificate was verified, but has no name of the kind that `client_certificate.subject` wants, \
      several of them, or one that `clients` does not list. Or a reload has changed \
      `client_auth`, or `client_ca` or its file, which ends tunnels, and requests whose head has not arrived whole, \
      on connections that were admitted before; or `client_certificate`, which ends the tunnels of those it identified.
      """
    case .certificateExpired: "The client's certificate has expired since its connection began."
    case .certificateRevoked:
      "The client's certificate (`jti`, its serial number) or the client it names (`sub`) is in the file of `revocations`."
    case .confirmationUnsupported:
      """
      `cnf` is malformed, names several things, or one that is not supported here; or it names a key (`jkt`), and the \
      provider has `dpop: off`.
      """
    case .roleMissing: "The token has none of the route's `require.roles`."
    case .scopeMissing: "The token lacks one of the route's `require.scopes`."
    case .permissionMissing: "The token lacks one of the route's `require.permissions`."
    case .claimMismatch: "A claim is absent, or has none of the values that `require.claims` names."
    case .ownerMismatch:
      """
      The segment of the path that `require.owner` names is not equal to the claim that it names, byte for byte: the \
      path is someone else's.
      """
    case .requirementUnmet:
      """
      None of the requirements in `require.any` is met; or those that are missing exclude each other, so that no \
      single sign-in can meet them (`acr: gold` and `acr: silver`).
      """
    case .requirementExcluded: "What `require.not` names is true."
    case .authenticationTooOld:
      """
      The user authenticated longer ago than `require.max_age`, or the token has no numeric `auth_time`. \
      `WWW-Authenticate` says `insufficient_user_authentication` (RFC 9470).
      """
    case .acrInsufficient:
      "The token's `acr` is not in `require.acr`: the user was not authenticated in such a way (RFC 9470)."
    case .clientRefused:
      """
      The client's address is not among the route's `clients.allow`, or is among `clients.deny`; or it asks at \
      `forward_auth` and is not one of its `peers`.
      """
    case .fieldRefused:
      """
      A proxy asks at `forward_auth` about a request with a header that would tell the application another path, \
      method or sender than the decision is about, that the route removes or sets, or that would pass it a token or an \
      upgrade that it must not have ([which ones](forward-auth.md#headers-that-are-refused)): the proxy forwards the \
      request itself, so the gateway cannot remove it.
      """
    case .identityInvalid:
      "A claim for an identity header contains a control character, so it must not become a header."
    case .originRefused:
      """
      A browser asked in a preflight whether a page may send a request, and the route's `cors.origins` does not list \
      the page's origin. Or the token came in a cookie, or the identity from a client certificate, which browsers add \
      by themselves, and a page of another site sends this (`Origin`), as a WebSocket or with a method other than GET, \
      HEAD and OPTIONS (RFC 6455 §10.2).
      """
    case .rateLimited: "One sender sent more than the route's `rate_limit`: a subject, or with `by: client` an address."
    case .loginFailed:
      """
      No such user, a disabled one, or a wrong password; or a machine's client id and secret that do not match. The \
      client is not told which.
      """
    case .loginThrottled:
      """
      Ten failures for one account within 15 minutes, or fifty from one address; with `code_flow`, fifty codes from \
      one address that the provider did not accept.
      """
    case .loginBusy:
      """
      Too many passwords are waiting to be checked: 64, or 16 from one address, or 32 for one machine; checking one is \
      slow on purpose. With `code_flow`, too many users come back from the provider at once: 64, or 8 from one \
      address.
      """
    case .csrfRefused:
      """
      A form that does not come from the gateway's own page for it, or a request that a cookie speaks for and that does \
      not say that it comes from a page of this host.
      """
    case .signInRequestInvalid: "The body is not the form or JSON that the path expects, or lacks a part."
    case .refreshRefused:
      """
      No such refresh token; or its sign-in has ended, by logout, by age, by `portcullis sign-ins revoke`, or because \
      its user was disabled; or it asks for `logout` everywhere, and is older than the current password, or from a \
      sign-in that is not known here.
      """
    case .refreshReused:
      """
      A refresh token was used again long after it had been replaced: someone has a copy. The sign-in has ended, for \
      everyone who has it.
      """
    case .passwordRefused:
      """
      The new password has fewer than 8 characters, or more than 511 bytes; or the two in the page's form do not \
      match.
      """
    case .cookieTooLarge: "The token of the sign-in is larger than 4,000 bytes, and browsers drop such a cookie."
    case .signInUnavailable:
      """
      The database of sign-ins could not be used; the program messages say why. On a request to a route: the browser's \
      refresh token could not be used, in time or at all, and stays valid.
      """
    case .callbackInvalid:
      """
      What a browser brings back from the provider is malformed, was not requested by this browser, is older than ten \
      minutes, or was used before.
      """
    case .providerRefused: "The provider has refused a user; the program message has its error code."
    case .authenticationInsufficient:
      """
      The provider was asked for the `acr_values` or the `max_age` of a route, and its ID token does not confirm them; \
      the program message says what is missing.
      """
    case .idTokenRefused:
      """
      The ID token is not the provider's, not for this client, or not for this sign-in; the program message says \
      which.
      """
    case .providerUnavailable:
      "The provider could not be asked, did not answer as it should, or says that it has failed; the program message says why."
    case .logoutTokenRefused:
      "What came to end sessions is not a logout token of the provider for this client, or was used before."
    case .upstreamUnreachable:
      "None of the servers tried accepts a connection; one is tried, and `retries` more."
    case .upstreamConnectTimeout: "No connection within the upstream's `timeouts.connect`, the TLS handshake included."
    case .upstreamTlsFailed:
      "TLS with an https server failed: its certificate is not valid, it does not accept ours, or it does not speak TLS."
    case .upstreamClosed: "The upstream closed the connection before it responded."
    case .upstreamAnswerInvalid: "The response breaks HTTP/1.1: bad framing, a bare LF, a 101 that was not requested."
    case .upstreamTimeout:
      "The response did not begin within `timeouts.response`, or the upstream stopped reading the request's body."
    case .upstreamTruncated:
      """
      The response ended before its framing said so, or stalled. The client, which may already have the head, sees the \
      connection cut off.
      """
    case .upstreamUnresolved: "No name of the upstream's servers could be resolved so far. The gateway keeps trying."
    case .upstreamUnavailable: "According to the upstream's health checks every server is down."
    case .upstreamBusy:
      "`max_connections` requests were in flight, and the `queue` was full, or this one had waited 5 s."
    case .forwardingLoop:
      """
      The same route has forwarded the request before: its upstream leads back to this gateway. `CDN-Loop` (RFC 8586) \
      says so.
      """
    case .resourcesExhausted:
      """
      No descriptor or memory was left on this machine for a connection to the upstream; idle ones had already been \
      closed.
      """
    case .tooManyConnections:
      """
      More connections than `limits.connections`. At present no request gets this: the gateway stops accepting until a \
      connection closes, and says so in its program messages.
      """
    case .tunnelTimeout:
      "In a tunnel, such as a WebSocket, no byte was sent for `timeouts.tunnel`. Its line has the status 101."
    case .drainTimeout:
      """
      The gateway was told to stop, and the request did not end within `timeouts.drain`, or a SIGINT that \
      followed did not wait for it.
      """
    case .internalError: "The gateway failed; the program messages say how."
    }
  }
}
