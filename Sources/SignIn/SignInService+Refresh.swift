import Configuration
public import HTTP
import JSON
import Reason
import State

/// Going on with a sign-in.
extension SignInService {
  func refresh(_ request: LocalRequest, _ completion: @escaping Completion) {
    let address = request.clientAddress
    if request.mediaType == .json {
      guard request.origin != .foreign else {
        return completion(EndpointResponses.ofAnotherSite)
      }
      guard let token = request.json(["refresh_token"])?["refresh_token"]?.string else {
        return completion(EndpointResponses.notTaken(request, members: "refresh_token, a string"))
      }
      return use(token, address: address, deadline: request.deadline) { [self] in completion(answerJSON($0)) }
    }
    guard request.isOfOwnPage else {
      return completion(
        EndpointResponses.notOfOwnPage(
          request, instead: "a program sends its refresh_token as JSON, with Content-Type: application/json"))
    }
    guard let token = request.cookie(configuration.cookies.refresh) else {
      return completion(EndpointResponses.error(.invalidGrant, "sign in again", .refreshRefused))
    }
    // As on the way to a page: another tab's response may come last, and the browser keeps what that one says.
    renewCookies(token, client: request.client, deadline: request.deadline) { [self] result in
      switch result {
      case .success(let renewed):
        completion(answer(EndpointResponses.done(cookies: renewed.cookies), to: renewed.issued.record.subject))
      case .failure(.refused(.cookieTooLarge)):
        completion(EndpointResponses.error(.serverError, nil, .cookieTooLarge).setting(clearedCookies))
      case .failure(.refused(let reason)):
        completion(EndpointResponses.error(.invalidGrant, "sign in again", reason).setting(clearedCookies))
      case .failure(let fault): completion(answerJSON(fault))
      }
    }
  }

  /// What a browser gets on its way to a page, once its access token is no longer valid.
  public struct Renewed: Sendable {
    /// The new access token.
    public let accessToken: [UInt8]
    /// The name of the cookie that holds it.
    public let accessCookie: String
    /// Set-Cookie values.
    public let cookies: [String]
  }

  /// What became of a renewal.
  public enum Renewal: Sendable {
    /// The browser gets new cookies.
    case renewed(Renewed)
    /// The refresh token is not valid, and never will be again.
    case refused
    /// It could not be decided: the refresh token is as valid as before.
    case unavailable
  }

  /// Renews the cookies of a browser on its way to a route, whose response waits for the upstream's.
  ///
  /// - Parameters:
  ///   - token: The refresh token, as the cookie has it.
  ///   - client: The address of the sender; nil where there is none.
  ///   - completion: Called once, from any thread.
  public func renew(
    _ token: [UInt8], client: IPAddress?, completion: @escaping @Sendable (Renewal) -> Void
  ) {
    let deadline = ContinuousClock.now + Limits.refreshWithin
    let sender = client?.counted
    guard state.requests.enter(sender) else { return completion(.unavailable) }
    onQueue { [self] in
      let text = String(decoding: token, as: UTF8.self)
      renewCookies(text, client: client, deadline: deadline) { [self] result in
        state.requests.leave(sender)
        switch result {
        case .success(let renewed):
          completion(
            .renewed(
              Renewed(
                accessToken: renewed.issued.accessToken, accessCookie: configuration.cookies.access,
                cookies: renewed.cookies)))
        case .failure(.busy), .failure(.unavailable), .failure(.failed): completion(.unavailable)
        case .failure(.refused): completion(.refused)
        }
      }
    }
  }
}
