extension Reason {
  /// What to do so that it does not happen again, in plain text for people.
  public var advice: String { MarkdownLinks.plain(adviceMarkdown) }

  /// As docs/reasons.md has it: a test compares its rows.
  var adviceMarkdown: String {
    switch self {
    case .requestLineInvalid: "Correct the client; check that it speaks plain HTTP to this port."
    case .lineEndInvalid: "Correct the client; whoever wrote requests by hand sent a bare LF."
    case .fieldLineInvalid: "Correct the client."
    case .fieldValueInvalid: "Correct the client."
    case .hostInvalid: "Send one `Host`."
    case .authorityMismatch: "Send the same host in both, or the path alone."
    case .targetInvalid: "Encode the target as RFC 3986 says."
    case .contentLengthInvalid: "Correct the client or the proxy before it: this is how requests are smuggled."
    case .transferEncodingInvalid: "Correct the client or the proxy before it: this is how requests are smuggled."
    case .transferCodingUnsupported: "Send the body with `Content-Length` or chunked."
    case .framingConflict: "Correct the client or the proxy before it: this is how requests are smuggled."
    case .versionUnsupported: "Let the client speak HTTP/1.1."
    case .methodRefused: "Use another method; `Allow` names those that there are."
    case .targetTooLong: "Shorten the URL, or raise `limits.target`."
    case .headTooLarge: "Send less, or raise `limits.head`."
    case .tooManyFields: "Send fewer headers, or raise `limits.fields`."
    case .expectationUnsupported: "Leave `Expect` out."
    case .headTimeout:
      "A slow network, or an attack that holds connections open; raise `timeouts.head` for the first alone."
    case .forwardedInvalid: "Let the proxy write one of the two, and remove what clients send of the other."
    case .proxyHeaderInvalid:
      "Switch the protocol on in the load balancer, or off here; see who else reaches this port."
    case .upgradeInvalid: "Correct the client."
    case .chunkInvalid: "Correct the client or the proxy before it."
    case .trailerInvalid: "Correct the client. Trailers are not forwarded anyway."
    case .bodyTooLarge: "Send less, or raise the limit of that route."
    case .bodyTimeout: "A slow or lost client; raise `timeouts.idle` if it has to be."
    case .bodyTooSlow:
      """
      An attack that holds connections open, or a very slow network. Where a route's clients send as things happen, \
      `limits.minimum_rate: none` on that route.
      """
    case .clientClosed:
      """
      Nothing, where people stop loading; many of them with a large `total_us`: look at the upstream's speed, and at \
      the client's own timeout.
      """
    case .clientTimeout: "A slow or lost client."
    case .clientTooSlow:
      """
      As `body_too_slow`; where clients read at their leisure, such as players that pause, `limits.minimum_rate: \
      none` on that route.
      """
    case .pathDotSegment: "Resolve the path before it is sent. Many of them are someone probing."
    case .pathEncodedSlash: "Where the application needs them: `encoded_slashes: keep` on that route."
    case .pathBackslash: "Send `/`."
    case .pathDoubleSlash: "Join URLs with one slash, or `double_slashes: keep` on that route."
    case .pathParameter: "Where the application needs them: `path_parameters: keep` on that route."
    case .pathCharacterInvalid: "Encode it as `%XX`."
    case .pathEscapeInvalid: "Encode the path as UTF-8, as RFC 3986 says."
    case .pathDoubleEncoding: "Encode the path once."
    case .noRoute:
      "Compare `host`, `path` and `method` of the line with `routes`; what matches none is refused on purpose."
    case .hostNotCovered:
      """
      Add a certificate for the host to the listener's `tls.certificates`. Clients that were led to this address by \
      mistake, and those that use a connection for other hosts than it was made for, see it too.
      """
    case .credentialMissing:
      "Send `Authorization: Bearer …`, or the cookie, or with a WebSocket the protocols, that `token_from` names."
    case .credentialRepeated: "Send one."
    case .cookieRepeated: "Delete the cookie that another path or domain set under the same name."
    case .tokenTooLarge: "Let the issuer put less into it (group lists are the usual cause), or raise `limits.token`."
    case .tokenMalformed:
      "An opaque token, or one that was cut: get a JWT from the issuer, or configure `introspection`."
    case .tokenEncrypted: "Have the issuer sign tokens, not encrypt them."
    case .tokenHeaderInvalid: "`portcullis token inspect` shows a header that can be read; correct the issuer."
    case .tokenExtensionRefused: "Have the issuer leave it out."
    case .tokenTypeRefused: "Send an access token."
    case .algorithmRefused: "Where the issuer really signs so: add it to `algorithms`."
    case .keyMismatch: "A forged token, or an issuer whose key set says something else than its tokens."
    case .keyUnknown:
      """
      A token of another issuer or environment, or one signed with a key that was withdrawn. Compare `key_id` of the \
      line with the issuer's key set.
      """
    case .signatureInvalid: "A token that was changed or forged; with `secret_file`: another secret than the issuer's."
    case .claimsInvalid: "Correct the issuer."
    case .claimMissing: "`portcullis token inspect` shows what is there; correct the issuer."
    case .claimMalformed: "Correct the issuer."
    case .issuerUnknown: "Compare `iss` with `issuer`: a slash at the end counts."
    case .audienceMismatch: "Ask for a token for this service, or add the audience."
    case .tokenExpired: "Get a fresh token. With fresh tokens: compare the clocks of issuer and gateway."
    case .tokenNotYetValid: "Compare the clocks of issuer and gateway."
    case .tokenIssuedInFuture: "Compare the clocks of issuer and gateway."
    case .tokenTooOld: "Sign in anew; `max_age` is what the gateway allows."
    case .tokenRevoked:
      """
      Sign in again, where it is the token or its sign-in; where it is the person or the key, that is meant. \
      `portcullis token verify` says of a token which it is. [revocation](revocation.md)
      """
    case .keysUnavailable:
      "The program messages say why fetching fails: `keys could not be fetched`. [keys.md](keys.md) says what to do."
    case .tokenInactive:
      "Get a fresh token. Where a good one is refused: see at the issuer whether this client may introspect it."
    case .introspectionUnavailable: "The program messages say why: `a token could not be introspected`."
    case .proofMissing:
      """
      Send `Authorization: DPoP …` with a fresh proof in `DPoP` (RFC 9449 §7.1). Many of them for one subject: the \
      token may have been stolen.
      """
    case .proofInvalid:
      """
      Compare the proof's claims with the request. `htu` is compared with `Host`: what stands in front of the \
      gateway has to pass on the client's. Compare the clocks of client and gateway.
      """
    case .proofReplayed: "Make a proof for each request, retries too. Otherwise someone sends what they have seen."
    case .proofMemoryFull: "More gateways: each remembers its own. Where one client sends that many: see what it does."
    case .certificateMismatch:
      """
      The client has to use the certificate with which it got the token, on a listener with `client_auth`. Otherwise \
      someone sends a token that is not theirs.
      """
    case .certificateMissing:
      """
      The client has to show one, on a listener with `client_ca`: \
      [docs/client-certificates.md](client-certificates.md). Behind a proxy the connection is the proxy's.
      """
    case .certificateRefused:
      """
      Look at its names (`openssl x509 -ext subjectAltName`); list the one, or issue another certificate. After \
      a reload the client connects anew.
      """
    case .certificateExpired: "The client has to take its new certificate, on a new connection."
    case .certificateRevoked: "Meant so; otherwise take the line out."
    case .confirmationUnsupported:
      """
      Ask the issuer for tokens that are bound by `jkt`, or not bound; set `dpop: allowed` where the provider's \
      clients prove their keys.
      """
    case .roleMissing: "Give the person a role at the issuer, or see whether `claims.roles` names the right claim."
    case .scopeMissing: "Let the client ask for the scope; `WWW-Authenticate` names it."
    case .permissionMissing: "Grant it at the issuer, or see whether `claims.permissions` names the right claim."
    case .claimMismatch: "Compare the claim (`portcullis token inspect`) with the rule: numbers and texts differ."
    case .ownerMismatch:
      """
      Nothing, where people try other people's paths. Else compare the claim (`portcullis token inspect`) with the \
      path: case counts.
      """
    case .requirementUnmet: "`portcullis explain` shows what each of them lacked."
    case .requirementExcluded: "It is meant; `portcullis explain` shows which part it was."
    case .authenticationTooOld:
      """
      Let the client send them to sign in anew, with the `max_age` of the challenge. Have the issuer put `auth_time` \
      into its tokens.
      """
    case .acrInsufficient: "Let the client send them to sign in with the `acr_values` of the challenge."
    case .clientRefused:
      "`client` of the line is the address that was looked at: behind a proxy, `trusted_proxies` has to name that."
    case .fieldRefused:
      """
      Nothing, where somebody tries it out. Else let the proxy drop the header before it asks, or ask before a \
      middleware of its own adds it. An upgrade has to be among the `upgrade` of the route.
      """
    case .identityInvalid: "Correct the claim at the issuer."
    case .originRefused:
      """
      Add the origin to `cors.origins`, as the browser's address bar has it, if its pages may use the route; for \
      cookies with `cors.credentials`. Or let the page be served from the same host.
      """
    case .rateLimited:
      """
      Let the client wait for the seconds in `Retry-After`; raise `rate` or `burst` if it has to send more. Where \
      many clients share an address, count `by: subject`.
      """
    case .loginFailed: "Set a new password (`portcullis user password`), or see whether the user is disabled."
    case .loginThrottled:
      """
      Wait for the seconds in `Retry-After`. Many from one address are a proxy that `trusted_proxies` does not name, \
      or somebody who guesses.
      """
    case .loginBusy:
      "Let the client try again; more cores check more passwords. With `code_flow`, see whether the provider is slow."
    case .csrfRefused:
      """
      Load the page again, with cookies allowed. Programs send a token in Authorization, or a refresh token as JSON, \
      instead of cookies.
      """
    case .signInRequestInvalid:
      "`error_description` in the response names what the path takes; see [docs/sign-in.md](sign-in.md)."
    case .refreshRefused: "Sign in again."
    case .refreshReused: "Sign in again, and find out who had the token; a client that keeps the old one does this too."
    case .passwordRefused: "Choose another."
    case .cookieTooLarge: "Give the user fewer roles, permissions or claims, or shorter ones."
    case .signInUnavailable: "See whether the disk is full, and whether the folder `signing.state` can be written."
    case .callbackInvalid:
      """
      Begin again at the page that was wanted, with cookies allowed. One that comes back from a bookmark is such a \
      one.
      """
    case .providerRefused:
      """
      `access_denied` is the user's or the provider's decision. `invalid_client` is the client's secret or key. Any \
      other: compare client, scopes and redirect URI with what the provider knows.
      """
    case .authenticationInsufficient:
      """
      Have the provider put `acr` and `auth_time` into ID tokens, and compare `require.acr` with what it calls its \
      ways to sign in.
      """
    case .idTokenRefused:
      "Compare `issuer`, `client_id` and `algorithms` with the provider; see whether its clock is right."
    case .providerUnavailable: "See whether the gateway reaches the provider, and whether the client's secret is right."
    case .logoutTokenRefused: "See whether the provider's clock is right, and `client_id`."
    case .upstreamUnreachable:
      """
      See that it runs, that `servers` has its address, and that this machine has a route and free local ports to it: an \
      IPv6 address is out of reach where IPv6 is off.
      """
    case .upstreamConnectTimeout: "A firewall that drops packets, or an overloaded server."
    case .upstreamTlsFailed:
      "See `why` of the message `TLS to a server failed`, and [docs/upstreams.md](upstreams.md#tls)."
    case .upstreamClosed: "Its own log says why; a crash or a limit of its own."
    case .upstreamAnswerInvalid:
      "Correct the upstream; where it speaks TLS on this port, write `https://` before its host."
    case .upstreamTimeout: "A slow upstream; raise `timeouts.response` of the upstream or of the route."
    case .upstreamTruncated: "Its own log says why."
    case .upstreamUnresolved:
      "See why: the program messages name the name. A name that was resolved once keeps its addresses."
    case .upstreamUnavailable:
      "The program messages say why each is. See whether `health.path` and `health.status` are right."
    case .upstreamBusy: "A slow upstream. Give it servers, or raise `max_connections` where it can take more."
    case .forwardingLoop:
      """
      See where `servers` of the route's upstream lead, names, balancers and other proxies included: they have to end \
      at the application.
      """
    case .resourcesExhausted:
      "Raise `LimitNOFILE`, lower `limits.connections`, or add gateways; see what else runs on the machine."
    case .tooManyConnections: "Raise the limit together with that of open files, or add gateways."
    case .tunnelTimeout: "Nothing, where clients vanish; raise it where tunnels are silent for longer."
    case .drainTimeout: "Raise `timeouts.drain` where requests last that long."
    case .internalError: "Report it, with the message."
    }
  }
}
