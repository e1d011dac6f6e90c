import Configuration
import Proxy
import Synchronization
import Tokens

/// What the probe has given to those that send requests, and stands for the issuers and stores that would know it.
final class ProbedCredentials: Sendable {
  private struct Known: Hashable {
    let credential: IntrospectedCredential
    let provider: Int
  }

  private let providers: [ProviderConfiguration]
  /// By what it is, the claims that are said of it.
  private let claims = Mutex<[Known: [UInt8]]>([:])

  init(_ providers: [ProviderConfiguration]) { self.providers = providers }

  /// - Parameter claims: A JSON object.
  func add(_ credential: IntrospectedCredential, of provider: String, claims said: [UInt8]) {
    guard let provider = providers.firstIndex(where: { $0.name == provider }) else { return }
    claims.withLock { $0[Known(credential: credential, provider: provider)] = said }
  }

  func answer(_ question: IntrospectionQuestion, now: UnixSeconds) -> IntrospectionResult {
    let asked = Known(credential: question.credential, provider: question.provider)
    guard let said = claims.withLock({ $0[asked] }) else { return .inactive }
    let token: [UInt8]? = if case .token(let token) = question.credential { token } else { nil }
    do throws(TokenError) {
      return .active(
        try IntrospectedToken(
          of: token, response: said, providers[question.provider].policy, now: now, cacheSeconds: 0))
    } catch {
      return .refused(error)
    }
  }
}
