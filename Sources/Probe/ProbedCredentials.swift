import Configuration
import Proxy
import Synchronization
import Tokens

/// What the probe has given to those that send requests, and stands for the issuers and stores that would know it.
final class ProbedCredentials: Sendable {
  private struct Known: Hashable {
    let bytes: [UInt8]
    let provider: Int
    let isSession: Bool
  }

  private let providers: [ProviderConfiguration]
  /// By what it is, the claims that are said of it.
  private let claims = Mutex<[Known: [UInt8]]>([:])

  init(_ providers: [ProviderConfiguration]) { self.providers = providers }

  /// - Parameter claims: A JSON object.
  func add(_ text: String, of provider: String, claims said: [UInt8], isSession: Bool) {
    guard let provider = providers.firstIndex(where: { $0.name == provider }) else { return }
    claims.withLock { $0[Known(bytes: Array(text.utf8), provider: provider, isSession: isSession)] = said }
  }

  func answer(_ question: IntrospectionQuestion, now: UnixSeconds) -> IntrospectionResult {
    let asked = Known(bytes: question.token, provider: question.provider, isSession: question.isSession)
    guard let said = claims.withLock({ $0[asked] }) else { return .inactive }
    do throws(TokenError) {
      return .active(
        try IntrospectedToken(response: said, providers[question.provider].policy, now: now, cacheSeconds: 0))
    } catch {
      return .refused(error)
    }
  }
}
