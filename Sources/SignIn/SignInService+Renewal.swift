import Configuration
import HTTP
import Reason
import State
import Tokens

/// Whose cookies a browser sends to the sign-in's own paths: those are renewed there as on the way to a route.
extension SignInService {
  /// A user whose browser has sent good cookies.
  struct CookieHolder: Sendable {
    let token: VerifiedToken
    /// Set-Cookie values; empty if nothing was renewed.
    let cookies: [String]
  }

  enum NoCookieHolder: Error, Sendable {
    /// No cookie is good. The fault is that of the access token; nil if there is none.
    case signedOut(NotVerified?)
    /// The refresh token could not be used, and stays as good as it was.
    case unknown(Fault)
  }

  /// Finds the user by the access token, and where that is missing or not good by the refresh token.
  ///
  /// - Parameters:
  ///   - renews: Whether the refresh token may be used. It is not where the access cookie stands there twice (SECURITY
  ///     C-2): renewing would leave both in place.
  ///   - completion: Called once, from anywhere.
  func findCookieHolder(
    _ request: LocalRequest, renews: Bool,
    _ completion: @escaping @Sendable (Result<CookieHolder, NoCookieHolder>) -> Void
  ) {
    guard !request.repeatsCookie(configuration.cookies.access) else {
      return completion(.failure(.signedOut(NotVerified(reason: .cookieRepeated))))
    }
    var accessFault: NotVerified?
    if let token = request.cookie(configuration.cookies.access) {
      switch verify([UInt8](token.utf8)) {
      case .success(let verified): return completion(.success(CookieHolder(token: verified, cookies: [])))
      case .failure(let fault): accessFault = fault
      }
    }
    // What the gateway failed to verify may be good.
    guard renews, accessFault?.failure == nil, let token = request.cookie(configuration.cookies.refresh) else {
      return completion(.failure(.signedOut(accessFault)))
    }
    renewCookies(token, client: request.client, deadline: request.deadline) { [self, accessFault] result in
      switch result {
      case .success(let renewed):
        // It may be revoked although its sign-in is not.
        switch verify(renewed.issued.accessToken) {
        case .success(let verified):
          completion(.success(CookieHolder(token: verified, cookies: renewed.cookies)))
        case .failure(let fault): completion(.failure(.signedOut(fault)))
        }
      case .failure(.refused): completion(.failure(.signedOut(accessFault)))
      case .failure(let fault): completion(.failure(.unknown(fault)))
      }
    }
  }

  /// The tokens of a browser that were renewed, and the Set-Cookie values that hold them.
  struct RenewedCookies: Sendable {
    let issued: Issued
    let cookies: [String]
  }

  /// Uses a browser's refresh token. Until the browser comes back with what replaces it, it stays good: the browser may
  /// have gone on to another page before it reads this response.
  ///
  /// A sign-in whose token is too large for a cookie ends.
  ///
  /// - Parameter completion: Called once, from anywhere.
  func renewCookies(
    _ token: String, client: IPAddress?, deadline: ContinuousClock.Instant,
    _ completion: @escaping @Sendable (Result<RenewedCookies, Fault>) -> Void
  ) {
    use(token, replacing: .onceSuccessorIsUsed, address: client?.text ?? "", deadline: deadline) { [self] result in
      switch result {
      case .success(let issued):
        guard let cookies = cookies(for: issued) else {
          return endSignIn(issued.record.id) { _ in completion(.failure(.refused(.cookieTooLarge))) }
        }
        completion(.success(RenewedCookies(issued: issued, cookies: cookies)))
      case .failure(let fault): completion(.failure(fault))
      }
    }
  }
}
