import ArgumentParser
import Configuration
import Tokens

/// Who a request might come from, as the command line says it.
enum Supposition {
  /// - Parameter options: `role=admin`, `claim=tenant=acme`; none: nobody.
  /// - Throws: `ValidationError`, which says what is wrong.
  static func identity(_ options: [String], _ configuration: GatewayConfiguration) throws -> SupposedIdentity? {
    if options.isEmpty { return nil }
    var identity = SupposedIdentity(provider: nil, claims: StatedClaims(), authenticatedAgo: nil)
    for option in options {
      guard let equals = option.firstIndex(of: "="), option.index(after: equals) < option.endIndex else {
        throw ValidationError("--as \(option) is not of the form what=value")
      }
      let value = String(option[option.index(after: equals)...])
      switch option[..<equals] {
      case "subject": identity.claims.subject = value
      case "role": identity.claims.roles.append(value)
      case "scope": identity.claims.scopes.append(value)
      case "permission": identity.claims.permissions.append(value)
      case "claim": identity.claims.others.append(try claim(value))
      case "provider": identity.provider = try provider(value, configuration)
      case "authenticated":
        guard let duration = DurationText.parse(value) else {
          throw ValidationError("--as authenticated=\(value) is not a duration; write 30s, 10m or 1h")
        }
        identity.authenticatedAgo = duration.components.seconds
      default:
        throw ValidationError(
          "--as \(option): what must be one of subject, role, scope, permission, claim, provider, authenticated")
      }
    }
    return identity
  }

  private static func claim(_ text: String) throws -> (path: ClaimPath, value: ClaimValue) {
    guard let equals = text.firstIndex(of: "="), let path = try? ClaimPath(String(text[..<equals])) else {
      throw ValidationError("--as claim=\(text) is not of the form claim=name=value")
    }
    return (path, ClaimValue(written: String(text[text.index(after: equals)...])))
  }

  private static func provider(_ name: String, _ configuration: GatewayConfiguration) throws -> Int {
    if let index = configuration.providers.firstIndex(where: { $0.name == name }) { return index }
    let names = configuration.providers.map(\.name).joined(separator: ", ")
    throw ValidationError("no provider \"\(name)\"\(names.isEmpty ? "" : "; the providers are: \(names)")")
  }
}
