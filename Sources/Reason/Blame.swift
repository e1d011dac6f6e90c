/// Whose fault a response is: who has to act so that it goes away.
public enum Blame: String, CaseIterable, Sendable {
  /// The one who sent the request.
  case client
  /// The one who issued the token or publishes the keys.
  case issuer
  /// The rules of this configuration: they refuse on purpose.
  case policy
  /// The backend.
  case upstream
  /// This gateway or its machine.
  case gateway
}

extension Reason {
  /// Whose fault it is.
  public var blame: Blame {
    switch self {
    case .requestLineInvalid, .lineEndInvalid, .fieldLineInvalid, .fieldValueInvalid, .hostInvalid, .authorityMismatch,
      .targetInvalid, .contentLengthInvalid, .transferEncodingInvalid, .transferCodingUnsupported, .framingConflict,
      .versionUnsupported, .methodRefused, .targetTooLong, .headTooLarge, .tooManyFields, .expectationUnsupported,
      .headTimeout, .forwardedInvalid, .proxyHeaderInvalid, .upgradeInvalid, .chunkInvalid, .trailerInvalid,
      .bodyTooLarge, .bodyTimeout, .bodyTooSlow, .clientClosed, .clientTimeout, .clientTooSlow, .tunnelTimeout,
      .pathDotSegment, .pathEncodedSlash, .pathBackslash, .pathDoubleSlash, .pathParameter, .pathCharacterInvalid,
      .pathEscapeInvalid, .pathDoubleEncoding, .noRoute, .hostNotCovered, .credentialMissing, .credentialRepeated,
      .cookieRepeated, .tokenTooLarge,
      .tokenMalformed, .tokenEncrypted, .tokenHeaderInvalid, .tokenExtensionRefused, .tokenTypeRefused,
      .algorithmRefused, .keyMismatch, .keyUnknown, .signatureInvalid,
      .issuerUnknown, .audienceMismatch, .tokenExpired, .tokenNotYetValid, .tokenIssuedInFuture, .tokenTooOld,
      .tokenRevoked, .tokenInactive, .proofMissing, .proofInvalid, .proofReplayed, .certificateMismatch, .rateLimited,
      .certificateMissing, .certificateRefused, .certificateExpired, .certificateRevoked, .fieldRefused,
      .authenticationTooOld, .acrInsufficient, .loginFailed, .loginThrottled, .signInRequestInvalid, .refreshRefused,
      .refreshReused, .passwordRefused, .callbackInvalid, .logoutTokenRefused, .idTokenRefused:
      .client
    // Claims are checked once the signature holds: who signed them has to mend them.
    case .claimsInvalid, .claimMissing, .claimMalformed, .confirmationUnsupported, .keysUnavailable,
      .introspectionUnavailable, .identityInvalid, .providerUnavailable:
      .issuer
    case .roleMissing, .scopeMissing, .permissionMissing, .claimMismatch, .ownerMismatch, .requirementUnmet,
      .requirementExcluded, .clientRefused, .originRefused, .csrfRefused, .providerRefused,
      .authenticationInsufficient:
      .policy
    case .upstreamUnreachable, .upstreamConnectTimeout, .upstreamTlsFailed, .upstreamClosed, .upstreamAnswerInvalid,
      .upstreamTimeout, .upstreamTruncated, .upstreamUnresolved, .upstreamUnavailable, .upstreamBusy:
      .upstream
    case .forwardingLoop, .resourcesExhausted, .proofMemoryFull, .tooManyConnections, .drainTimeout, .loginBusy,
      .cookieTooLarge, .signInUnavailable, .internalError:
      .gateway
    }
  }

  /// The status that the client is answered with, where it is answered at all. 499 stands in the log alone: the client
  /// was gone.
  public var status: Int {
    switch self {
    case .requestLineInvalid, .lineEndInvalid, .fieldLineInvalid, .fieldValueInvalid, .hostInvalid, .authorityMismatch,
      .targetInvalid, .contentLengthInvalid, .transferEncodingInvalid, .framingConflict, .chunkInvalid, .trailerInvalid,
      .pathDotSegment, .pathEncodedSlash, .pathBackslash, .pathDoubleSlash, .pathParameter, .pathCharacterInvalid,
      .pathEscapeInvalid, .pathDoubleEncoding, .credentialRepeated, .forwardedInvalid, .proxyHeaderInvalid,
      .upgradeInvalid, .signInRequestInvalid, .passwordRefused, .callbackInvalid, .logoutTokenRefused:
      400
    case .credentialMissing, .cookieRepeated, .tokenTooLarge, .tokenMalformed, .tokenEncrypted, .tokenHeaderInvalid,
      .tokenExtensionRefused, .tokenTypeRefused, .algorithmRefused, .keyMismatch, .keyUnknown, .signatureInvalid,
      .claimsInvalid, .claimMissing, .claimMalformed, .issuerUnknown, .audienceMismatch, .tokenExpired,
      .tokenNotYetValid, .tokenIssuedInFuture, .tokenTooOld, .tokenRevoked, .tokenInactive, .proofMissing,
      .proofInvalid, .proofReplayed, .certificateMismatch, .confirmationUnsupported, .authenticationTooOld,
      .acrInsufficient, .loginFailed, .refreshRefused, .refreshReused, .idTokenRefused:
      401
    case .roleMissing, .scopeMissing, .permissionMissing, .claimMismatch, .ownerMismatch, .requirementUnmet,
      .requirementExcluded, .identityInvalid, .clientRefused, .originRefused, .csrfRefused, .certificateMissing,
      .certificateRefused, .certificateExpired, .certificateRevoked, .providerRefused, .authenticationInsufficient,
      .fieldRefused:
      403
    case .noRoute: 404
    case .methodRefused: 405
    case .headTimeout, .bodyTimeout, .bodyTooSlow, .tunnelTimeout: 408
    case .bodyTooLarge: 413
    case .targetTooLong: 414
    case .expectationUnsupported: 417
    case .hostNotCovered: 421
    case .rateLimited, .loginThrottled: 429
    case .headTooLarge, .tooManyFields: 431
    case .clientClosed, .clientTimeout, .clientTooSlow: 499
    case .cookieTooLarge, .internalError: 500
    case .transferCodingUnsupported: 501
    case .upstreamUnreachable, .upstreamTlsFailed, .upstreamClosed, .upstreamAnswerInvalid, .upstreamTruncated: 502
    case .keysUnavailable, .introspectionUnavailable, .proofMemoryFull, .upstreamUnresolved, .upstreamUnavailable,
      .upstreamBusy, .resourcesExhausted, .tooManyConnections, .drainTimeout, .loginBusy, .signInUnavailable,
      .providerUnavailable:
      503
    case .upstreamConnectTimeout, .upstreamTimeout: 504
    case .versionUnsupported: 505
    case .forwardingLoop: 508
    }
  }

  /// Seconds after which a client that was answered with `status` may try again (RFC 9110 §10.2.3); nil where it is told
  /// nothing, or a moment that depends on what it has sent.
  public var retryAfterSeconds: Int64? {
    switch self {
    // A place in a queue is free as soon as a response has ended.
    case .upstreamBusy: 1
    // Some hundred milliseconds for each password that waits.
    case .loginBusy: 2
    default: status == 503 ? 5 : nil
    }
  }
}
