import ArgumentParser
import Configuration
import Crypto
import JSON
import Keys
import Sockets
import Tokens

/// `portcullis token mint`
struct TokenMintCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "mint", abstract: "Makes a token with a provider's own key. For development and for scripts.",
    discussion: "The token alone goes to standard output.")

  @OptionGroup var option: ProviderOption
  @Option(name: .long, help: ArgumentHelp("Who the token is about.", valueName: "subject"))
  var subject: String
  @Option(name: .long, help: ArgumentHelp("A role; may be repeated.", valueName: "name"))
  var role: [String] = []
  @Option(name: .long, help: ArgumentHelp("A scope; may be repeated.", valueName: "name"))
  var scope: [String] = []
  @Option(name: .long, help: ArgumentHelp("A permission; may be repeated.", valueName: "name"))
  var permission: [String] = []
  @Option(
    name: .long,
    help: ArgumentHelp(
      "Another claim; the value is JSON where it reads as JSON, else a string. May be repeated.",
      valueName: "name=value"))
  var claim: [String] = []
  @Option(name: .long, help: ArgumentHelp("How long the token is valid: 30s, 10m, 1h.", valueName: "duration"))
  private var expiresIn: String = "10m"

  func run() throws {
    let provider = try option.load()
    guard let lifetime = DurationText.parse(expiresIn) else {
      throw ValidationError("--expires-in \(expiresIn) is not a duration; write 30s, 10m or 1h")
    }
    // RFC 7519 §2: `exp` could have a fraction, which most verifiers do not expect.
    guard lifetime >= .seconds(1), lifetime.components.attoseconds == 0 else {
      throw ValidationError("--expires-in \(expiresIn) is not a number of whole seconds, one at least")
    }
    if let rotation = provider.keyRotation, lifetime > rotation.keepFor {
      StandardError.print("the token may be refused before it expires: its key is kept only for signing.keep_for")
    }
    let claims = try self.claims(provider, lifetime)
    do {
      let key = try provider.signingKey(now: WallClock.seconds)
      try StandardOutput.print(String(decoding: try TokenMinter.mint(claims, with: key), as: UTF8.self))
    } catch let fault as KeyFault {
      StandardError.print("provider \"\(provider.name)\": \(fault)")
      throw ExitStatus.configuration
    }
  }

  private func claims(_ provider: ProviderConfiguration, _ lifetime: Duration) throws -> JSONObject {
    do {
      return try statedClaims(provider, lifetime)
    } catch let conflict as ClaimConflict {
      throw ValidationError("the claim \(conflict.name) would be inside a value that is not an object")
    }
  }

  private func statedClaims(_ provider: ProviderConfiguration, _ lifetime: Duration) throws -> JSONObject {
    let now = WallClock.seconds
    let mapping = provider.policy.claims
    var claims: JSONValue = .object([
      "iss": .string(provider.policy.issuer), "iat": .integer(now),
      "exp": .integer(now + lifetime.components.seconds),
      "jti": .string(Base64URL.text(try RandomBytes.make(16))),
    ])
    switch provider.policy.audiences {
    case .any: break
    case .oneOf(let audiences):
      let list = audiences.map { JSONValue.string($0) }
      try claims.set(ClaimPath(name: "aud"), list.count == 1 ? list[0] : .array(list))
    }
    try claims.set(mapping.subject, .string(subject))
    if !role.isEmpty { try claims.set(mapping.roles, .array(role.map { .string($0) })) }
    // RFC 6749 §3.3: one string, with spaces between.
    if !scope.isEmpty { try claims.set(mapping.scopes, .string(scope.joined(separator: " "))) }
    if !permission.isEmpty { try claims.set(mapping.permissions, .array(permission.map { .string($0) })) }
    for text in claim {
      guard let equals = text.firstIndex(of: "="), let path = try? ClaimPath(String(text[..<equals])) else {
        throw ValidationError("--claim \(text) is not of the form name=value")
      }
      let value = String(text[text.index(after: equals)...])
      try claims.set(path, (try? JSON.parse([UInt8](value.utf8).span)) ?? .string(value))
    }
    return claims.object ?? [:]
  }
}
