extension Reason {
  /// What to do so that it does not happen again, in plain text for people.
  public var advice: String { MarkdownLinks.plain(adviceMarkdown) }

  /// The same for a request that came with a token of a provider with `sign_in`: the gateway itself has issued it, so
  /// that there is no issuer to turn to.
  public var adviceOfSignIn: String { adviceOfSignInMarkdown.map(MarkdownLinks.plain) ?? advice }

  /// As docs/reasons.md has it; nil: no other than elsewhere.
  var adviceOfSignInMarkdown: String? {
    let former = """
      tokens that were issued before stay as they are until they are renewed or expire, at most `sign_in.lifetime` \
      later; signing in again gets a new one at once.
      """
    return switch self {
    case .roleMissing: "Give the person one of the roles (`roles`) in the users file; \(former)"
    case .scopeMissing: "Give the person or the program the scope (`scopes`) in the users file; \(former)"
    case .permissionMissing: "Give the person the permission (`permissions`) in the users file; \(former)"
    case .claimMismatch:
      """
      Compare the claim (`portcullis token inspect`) with the rule: numbers and strings differ. Correct it in the users \
      file (`claims`); \(former)
      """
    case .identityInvalid: "Correct the claim in the users file; \(former)"
    default: nil
    }
  }

  /// As docs/reasons.md has it: a test compares its rows.
  var adviceMarkdown: String {
    switch self {
    case .requestLineInvalid: "Fix the client; check that it speaks plain HTTP to this port."
    case .lineEndInvalid: "Fix the client; requests written by hand often have a bare LF."
    case .fieldLineInvalid: "Fix the client."
    case .fieldValueInvalid: "Fix the client."
    case .hostInvalid: "Send one `Host`."
    case .authorityMismatch: "Send the same host in both, or the path alone."
    case .targetInvalid: "Encode the target according to RFC 3986."
    case .contentLengthInvalid: "Fix the client or the proxy in front of it: this is how requests are smuggled."
    case .transferEncodingInvalid: "Fix the client or the proxy in front of it: this is how requests are smuggled."
    case .transferCodingUnsupported: "Send the body with `Content-Length` or chunked."
    case .framingConflict: "Fix the client or the proxy in front of it: this is how requests are smuggled."
    case .versionUnsupported: "Let the client speak HTTP/1.1."
    case .methodRefused: "Use another method; `Allow` lists the available ones."
    case .targetTooLong: "Shorten the URL, or raise `limits.target`."
    case .headTooLarge: "Send less, or raise `limits.head`."
    case .tooManyFields: "Send fewer headers, or raise `limits.fields`."
    case .expectationUnsupported: "Leave `Expect` out."
    case .headTimeout:
      "A slow network, or an attack that holds connections open; raise `timeouts.head` only for the first."
    case .forwardedInvalid: "Let the proxy set one of the two, and remove what clients send in the other."
    case .proxyHeaderInvalid:
      "Switch the protocol on in the load balancer, or off here; check who else can reach this port."
    case .upgradeInvalid: "Fix the client."
    case .chunkInvalid: "Fix the client or the proxy in front of it."
    case .trailerInvalid: "Fix the client. Trailers are not forwarded anyway."
    case .bodyTooLarge: "Send less, or raise the limit of that route."
    case .bodyTimeout: "A slow or lost client; raise `timeouts.idle` if you have to."
    case .bodyTooSlow:
      """
      An attack that holds connections open, or a very slow network. Where a route's clients send as things happen, \
      `limits.minimum_rate: none` on that route.
      """
    case .clientClosed:
      """
      Nothing, if users just stop loading; if there are many with a large `total_us`, look at the upstream's speed, \
      and at the client's own timeout.
      """
    case .clientTimeout: "A slow or lost client."
    case .clientTooSlow:
      """
      As for `body_too_slow`; where clients read at their leisure, such as players that pause, `limits.minimum_rate: \
      none` on that route.
      """
    case .pathDotSegment: "Resolve the path before it is sent. Many of them mean that someone is probing."
    case .pathEncodedSlash: "Where the application needs them: `encoded_slashes: keep` on that route."
    case .pathBackslash: "Send `/`."
    case .pathDoubleSlash: "Join URLs with one slash, or `double_slashes: keep` on that route."
    case .pathParameter: "Where the application needs them: `path_parameters: keep` on that route."
    case .pathCharacterInvalid: "Encode it as `%XX`."
    case .pathEscapeInvalid: "Encode the path as UTF-8, according to RFC 3986."
    case .pathDoubleEncoding: "Encode the path once."
    case .noRoute:
      "Compare `host`, `path` and `method` of the line with `routes`; a request that matches none is refused on purpose."
    case .hostNotCovered:
      """
      Add a certificate for the host to the listener's `tls.certificates`. Clients that come to this address by \
      mistake, and those that reuse a connection for other hosts, get it too.
      """
    case .credentialMissing:
      "Send `Authorization: Bearer …`, or the cookie, or with a WebSocket the protocols, that `token_from` names."
    case .credentialRepeated: "Send one."
    case .cookieRepeated: "Delete the cookie that another path or domain set under the same name."
    case .tokenTooLarge: "Let the issuer put less into it (group lists are the usual cause), or raise `limits.token`."
    case .tokenMalformed:
      "An opaque token, or one that was cut: get a JWT from the issuer, or configure `introspection`."
    case .tokenEncrypted: "Have the issuer sign tokens, not encrypt them."
    case .tokenHeaderInvalid: "`portcullis token inspect` shows a header that can be read; fix the issuer."
    case .tokenExtensionRefused: "Have the issuer leave it out."
    case .tokenTypeRefused: "Send an access token."
    case .algorithmRefused:
      "If the issuer really signs with it, add it to `algorithms`. `none` is never accepted: have the issuer sign tokens."
    case .keyMismatch: "A forged token, or an issuer whose key set disagrees with its tokens."
    case .keyUnknown:
      """
      Compare `key_id` of the line with the issuer's key set. If it is there, it is newer than the last fetch: try \
      again after 30 s, or see why fetching fails. If it is not: a token of another issuer or environment, or one \
      signed with a key that was withdrawn.
      """
    case .signatureInvalid: "A token that was changed or forged; with `secret_file`: another secret than the issuer's."
    case .claimsInvalid: "Fix the issuer."
    case .claimMissing: "`portcullis token inspect` shows what is there; fix the issuer."
    case .claimMalformed: "Fix the issuer."
    case .issuerUnknown: "Compare `iss` with `issuer`: a slash at the end counts."
    case .audienceMismatch: "Ask for a token for this service, or add the audience."
    case .tokenExpired: "Get a fresh token. With fresh tokens: compare the clocks of issuer and gateway."
    case .tokenNotYetValid: "Compare the clocks of issuer and gateway."
    case .tokenIssuedInFuture: "Compare the clocks of issuer and gateway."
    case .tokenTooOld: "Sign in again; `max_age` is what the gateway allows."
    case .tokenRevoked:
      """
      Sign in again, where it is the token or its sign-in; where it is the person or the key, that is meant. \
      `portcullis token verify` says of a token which it is. [revocation](revocation.md)
      """
    case .keysUnavailable:
      "The program messages say why fetching fails: `keys could not be fetched`. [keys.md](keys.md) says what to do."
    case .tokenInactive:
      "Get a fresh token. If a good one is refused, check at the issuer whether this client may introspect it."
    case .introspectionUnavailable: "The program messages say why: `a token could not be introspected`."
    case .proofMissing:
      """
      Send `Authorization: DPoP …` with a fresh proof in `DPoP` (RFC 9449 §7.1). Many of them for one subject may mean \
      that the token was stolen.
      """
    case .proofInvalid:
      """
      Compare the proof's claims with the request. `htu` is compared with `Host`: a proxy in front of the gateway must \
      pass on the client's. Compare the clocks of client and gateway.
      """
    case .proofReplayed:
      "Make a proof for each request, retries too. Otherwise someone is replaying a proof that they have seen."
    case .proofMemoryFull: "Add gateways: each remembers its own. If one client sends that many, check what it does."
    case .certificateMismatch:
      """
      The client must use the certificate with which it got the token, on a listener with `client_auth`. Otherwise \
      someone sends a token that is not theirs.
      """
    case .certificateMissing:
      """
      The client must present one, on a listener with `client_ca`: \
      [docs/client-certificates.md](client-certificates.md). Behind a proxy the connection is the proxy's.
      """
    case .certificateRefused:
      """
      Look at its names (`openssl x509 -ext subjectAltName`); list one of them, or issue another certificate. After a \
      reload the client connects anew.
      """
    case .certificateExpired: "The client must use its new certificate, on a new connection."
    case .certificateRevoked: "Intended; if not, remove the line."
    case .confirmationUnsupported:
      """
      Ask the issuer for tokens that are bound by `jkt`, or not bound; set `dpop: allowed` where the provider's \
      clients prove their keys.
      """
    case .roleMissing: "Give the person a role at the issuer, or check that `claims.roles` names the right claim."
    case .scopeMissing: "Let the client ask for the scope; `WWW-Authenticate` names it."
    case .permissionMissing: "Grant it at the issuer, or check that `claims.permissions` names the right claim."
    case .claimMismatch: "Compare the claim (`portcullis token inspect`) with the rule: numbers and strings differ."
    case .ownerMismatch:
      """
      Nothing, if users try other users' paths. Otherwise compare the claim (`portcullis token inspect`) with the \
      path: case counts.
      """
    case .requirementUnmet: "`portcullis explain` shows what each of them lacked."
    case .requirementExcluded: "This is intended; `portcullis explain` shows which part it was."
    case .authenticationTooOld:
      """
      The client should send the user to sign in again, with the `max_age` of the challenge. Have the issuer put \
      `auth_time` into its tokens.
      """
    case .acrInsufficient: "The client should send the user to sign in with the `acr_values` of the challenge."
    case .clientRefused:
      "`client` of the line is the address that was checked: behind a proxy, `trusted_proxies` must name the proxy."
    case .fieldRefused:
      """
      Nothing, if someone is trying it out. Otherwise have the proxy drop the header before it asks, or ask before one \
      of its middlewares adds it. An upgrade must be listed in the route's `upgrade`.
      """
    case .identityInvalid: "Fix the claim at the issuer."
    case .originRefused:
      """
      Add the origin to `cors.origins`, as in the browser's address bar, if its pages may use the route; for cookies \
      with `cors.credentials`. Or let the page be served from the same host.
      """
    case .rateLimited:
      """
      The client should wait for the seconds in `Retry-After`; raise `rate` or `burst` if it has to send more. Where \
      many clients share an address, count `by: subject`.
      """
    case .loginFailed: "Set a new password (`portcullis user password`), or check whether the user is disabled."
    case .loginThrottled:
      """
      Wait for the seconds in `Retry-After`. Many from one address mean a proxy that `trusted_proxies` does not name, \
      or someone who is guessing.
      """
    case .loginBusy:
      "The client should try again; more cores check more passwords. With `code_flow`, check whether the provider is slow."
    case .csrfRefused:
      """
      Load the page again, with cookies allowed. Programs send a token in Authorization, or a refresh token as JSON, \
      instead of cookies.
      """
    case .signInRequestInvalid:
      "`error_description` in the response names what the path takes; see [docs/sign-in.md](sign-in.md)."
    case .refreshRefused: "Sign in again."
    case .refreshReused:
      "Sign in again, and find out who had the token; a client that keeps using the old one causes this too."
    case .passwordRefused: "Choose another."
    case .cookieTooLarge: "Give the user fewer roles, permissions or claims, or shorter ones."
    case .signInUnavailable: "Check whether the disk is full, and whether the folder `signing.state` is writable."
    case .callbackInvalid:
      """
      Start again at the wanted page, with cookies allowed. A bookmark of the callback causes this too.
      """
    case .providerRefused:
      """
      `access_denied` is the user's or the provider's decision. `invalid_client` is the client's secret or key. Any \
      other: compare client, scopes and redirect URI with what the provider knows.
      """
    case .authenticationInsufficient:
      """
      Have the provider put `acr` and `auth_time` into ID tokens, and compare `require.acr` with its names for ways to \
      sign in.
      """
    case .idTokenRefused:
      "Compare `issuer`, `client_id` and `algorithms` with the provider; check its clock."
    case .providerUnavailable:
      "Check whether the gateway can reach the provider, and whether the client's secret is right."
    case .logoutTokenRefused: "Check the provider's clock, and `client_id`."
    case .upstreamUnreachable:
      """
      Check that it runs, that `servers` has its address, and that this machine has a route and free local ports to \
      it: an IPv6 address is unreachable where IPv6 is off.
      """
    case .upstreamConnectTimeout: "A firewall that drops packets, or an overloaded server."
    case .upstreamTlsFailed:
      "See `why` of the message `TLS to a server failed`, and [docs/upstreams.md](upstreams.md#tls)."
    case .upstreamClosed: "Its own log says why: a crash, or one of its own limits."
    case .upstreamAnswerInvalid:
      "Fix the upstream; if it speaks TLS on this port, write `https://` before its host."
    case .upstreamTimeout: "A slow upstream; raise `timeouts.response` of the upstream or of the route."
    case .upstreamTruncated: "Its own log says why."
    case .upstreamUnresolved:
      "The program messages give the name and the cause. A name that was resolved once keeps its addresses."
    case .upstreamUnavailable:
      "The program messages say why each is. Check whether `health.path` and `health.status` are right."
    case .upstreamBusy: "A slow upstream. Give it more servers, or raise `max_connections` where it can take more."
    case .forwardingLoop:
      """
      Check where `servers` of the route's upstream lead, including names, load balancers and other proxies: they must \
      end at the application.
      """
    case .resourcesExhausted:
      "Raise `LimitNOFILE`, lower `limits.connections`, or add gateways; check what else runs on the machine."
    case .tooManyConnections: "Raise the limit together with that of open files, or add gateways."
    case .tunnelTimeout: "Nothing, if clients vanish; raise it if tunnels are silent for longer."
    case .drainTimeout: "Raise `timeouts.drain` if requests last that long."
    case .internalError: "Report it as a bug, with the message."
    }
  }
}
