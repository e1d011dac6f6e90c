import Access
import Configuration
import JSON
import Tokens

/// How somebody has to be authenticated who is sent to the provider again (RFC 9470 §4): asked for in OpenID Connect's
/// words (Core 1.0 §3.1.2.1), sealed with the browser's way there, and compared when it comes back.
struct StepUp: Sendable, Equatable {
  /// What a route asks for; its scopes do not count.
  let remedy: Remedy

  /// nil: nothing is asked for.
  init?(authenticationAge: Int64?, contextClasses: [String]) {
    guard authenticationAge != nil || !contextClasses.isEmpty else { return nil }
    remedy = Remedy(contextClasses: contextClasses, authenticationAge: authenticationAge)
  }

  /// What the query of a request to begin asks for. What no route would ask for is left out: it is whoever's text.
  init?(_ query: FormFields?) {
    let age = query?.text("max_age").flatMap { StepUp.seconds($0) }
    self.init(authenticationAge: age, contextClasses: query?.text("acr_values").map { StepUp.classes($0) } ?? [])
  }

  /// What was sealed.
  init?(_ members: JSONObject) {
    var age: Int64?
    if case .integer(let seconds) = members["max_age"] { age = seconds }
    self.init(
      authenticationAge: age, contextClasses: members["acr_values"]?.string.map { StepUp.classes($0) } ?? [])
  }

  /// As it is asked for.
  var parameters: [(name: String, value: String)] {
    var parameters: [(name: String, value: String)] = []
    if let seconds = remedy.authenticationAge { parameters.append(("max_age", "\(seconds)")) }
    if !remedy.contextClasses.isEmpty { parameters.append(("acr_values", joinedClasses)) }
    return parameters
  }

  /// As it is sealed.
  var members: [JSONObject.Member] {
    var members: [JSONObject.Member] = []
    if let seconds = remedy.authenticationAge { members.append(.init(name: "max_age", value: .integer(seconds))) }
    if !remedy.contextClasses.isEmpty { members.append(.init(name: "acr_values", value: .string(joinedClasses))) }
    return members
  }

  /// A provider may leave `acr_values` alone (OpenID Connect Core 1.0 §3.1.2.1), and may not know `max_age`.
  func check(_ claims: borrowing ClaimsSet, now: UnixSeconds) throws(CodeFlowFault) {
    guard Remedy(contextClasses: remedy.contextClasses).isMet(by: claims, at: now) else {
      throw .authenticationInsufficient("the ID token's acr is not one of those requested")
    }
    guard let age = remedy.authenticationAge else { return }
    // §2: required where max_age was sent.
    guard claims.authenticatedAt != nil else {
      throw .authenticationInsufficient("the ID token has no auth_time, though max_age was requested")
    }
    guard Remedy(authenticationAge: age).isMet(by: claims, at: now) else {
      throw .authenticationInsufficient("the ID token's auth_time is longer ago than max_age, or in the future")
    }
  }

  private var joinedClasses: String { remedy.contextClasses.joined(separator: " ") }

  /// As long as a route can say, and no longer.
  private static let secondsMax: Int64 = 366 * 86_400

  private static func seconds(_ text: String) -> Int64? {
    guard (1...8).contains(text.utf8.count),
      text.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }), let seconds = Int64(text),
      seconds <= secondsMax
    else { return nil }
    return seconds
  }

  /// None where one of them is not what RFC 9470 §3 can name.
  private static func classes(_ text: String) -> [String] {
    guard text.utf8.count <= CodeFlowConfiguration.contextClassesBytesMax,
      text.utf8.allSatisfy({ (0x20...0x7E).contains($0) && $0 != UInt8(ascii: "\"") && $0 != UInt8(ascii: "\\") })
    else { return [] }
    return text.split(separator: " ").map { String($0) }
  }
}
