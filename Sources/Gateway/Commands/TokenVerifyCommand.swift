import ArgumentParser
import Configuration
import Crypto
import JSON
import Reason
import Sockets
import Tokens

/// `portcullis token verify`: the verifier of the server, with the reason that its log would say.
struct TokenVerifyCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "verify", abstract: "Says whether a token is good, and if not, why.",
    discussion: """
      With --config and --provider as the server would, or with a key set in a file. The first line is the verdict; \
      then come the checks in order, with what each wanted and found. Exit status: 0 good, 1 refused, 64 usage, 66 no \
      such file, 69 no keys, or no way to see which sign-ins have ended, 78 a faulty configuration.
      """)

  @Option(name: .long, help: ArgumentHelp("The configuration file.", valueName: "file"), completion: .file())
  var config: String?
  @Option(name: .long, help: ArgumentHelp("The provider, as named in the configuration.", valueName: "name"))
  var provider: String?
  @Option(
    name: .long, help: ArgumentHelp("A JWK Set, instead of a configuration.", valueName: "file"), completion: .file())
  var jwks: String?
  @Option(name: .long, help: ArgumentHelp("The required issuer; without it, any.", valueName: "url"))
  var issuer: String?
  @Option(name: .long, help: ArgumentHelp("The required audience; without it, any.", valueName: "name"))
  var audience: String?
  @Option(name: .long, help: ArgumentHelp("The allowed algorithms, separated by commas.", valueName: "list"))
  var algorithms: String?
  @Option(
    name: .long,
    help: ArgumentHelp(
      "The time to verify at: 2026-01-31T08:49:37Z, or seconds since 1970; without it, now.", valueName: "time"))
  var at: MomentArgument?
  @Flag(name: .long, help: "Checks no claims.")
  private var signatureOnly = false
  @OptionGroup var argument: TokenArgument

  func validate() throws {
    guard (jwks == nil) != (provider == nil) else {
      throw ValidationError("either --jwks, or --provider with --config, is needed")
    }
    if jwks != nil, config != nil { throw ValidationError("--config goes with --provider, not with --jwks") }
    if provider != nil, issuer != nil || audience != nil || algorithms != nil {
      throw ValidationError("--issuer, --audience and --algorithms go with --jwks; the provider has its own")
    }
  }

  func run() throws {
    let token = try argument.read()
    let (policy, keys, revoked, dpop) = try subject(token)
    let verifier = TokenVerifier(policy)
    let now = at?.time ?? WallClock.seconds
    let verified: VerifiedToken?
    do throws(TokenError) {
      if signatureOnly { _ = try verifier.verifiedPayload(token.span, keys: keys, using: SignatureVerifier()) }
      verified = signatureOnly ? nil : try verifier.verify(token.span, keys: keys, now: now, using: SignatureVerifier())
    } catch {
      try StandardOutput.print("refused: \(error.reason.rawValue): \(error)")
      try StandardOutput.print(
        TokenExplanation(token, policy, keys, .refused(error), revoked, dpop: dpop, now: now).text)
      throw ExitStatus.refused
    }
    guard let verified else { return try StandardOutput.print("good: the signature holds") }
    // As the server does, behind all else.
    if let found = revoked?.find(verified.claims, keyID: verified.keyID) {
      try StandardOutput.print("refused: \(Reason.tokenRevoked.rawValue): \(found.why)")
      try StandardOutput.print(
        TokenExplanation(token, policy, keys, .revoked(found.kind), revoked, dpop: dpop, now: now).text)
      throw ExitStatus.refused
    }
    if let dpop, let reason = TokenVerifyCommand.refusal(of: verified.claims.confirmation, dpop) {
      try StandardOutput.print(
        "refused: \(reason.rawValue): no request could show what the token is bound to, or has to be")
      try StandardOutput.print(
        TokenExplanation(token, policy, keys, .unprovable(reason), revoked, dpop: dpop, now: now).text)
      throw ExitStatus.refused
    }
    try StandardOutput.print(TokenVerifyCommand.summary(verified, now))
    try StandardOutput.print(TokenExplanation(token, policy, keys, .good, revoked, dpop: dpop, now: now).text)
  }

  /// Why the server refuses the token whatever is sent beside it; nil: with its proof, where it is bound, it passes.
  static func refusal(of confirmation: TokenConfirmation, _ dpop: DPoPUse) -> Reason? {
    switch confirmation {
    case .unbound: dpop == .required ? .proofMissing : nil
    case .key: dpop == .off ? .confirmationUnsupported : nil
    // No listener asks for a certificate.
    case .certificate: .certificateMismatch
    case .unsupported: .confirmationUnsupported
    }
  }

  private static func summary(_ token: VerifiedToken, _ now: UnixSeconds) -> String {
    var text = "good: "
    text += token.subject.map { "subject \(JSONValue.string($0).text)" } ?? "no subject"
    text += ", issuer \(JSONValue.string(token.issuer).text), expires in \(token.expiresAt - now) s"
    for (name, words) in [
      ("roles", token.claims.roles), ("scopes", token.claims.scopes), ("permissions", token.claims.permissions),
    ]
    where !words.isEmpty {
      text += ", \(name) \(JSONValue.array(words.map { .string($0) }).text)"
    }
    switch token.claims.confirmation {
    case .unbound: break
    case .key(let thumbprint): text += "; passes with a DPoP proof of the key \(Base64URL.text(thumbprint)) alone"
    case .certificate(let thumbprint): text += "; is bound to the certificate \(Base64URL.text(thumbprint))"
    case .unsupported: text += "; is bound to what is not checked"
    }
    return text
  }

  private func subject(_ token: [UInt8]) throws -> (TokenPolicy, KeySet, ProviderRevocations?, DPoPUse?) {
    if let provider {
      let configuration = try ProviderOption.configuration(config ?? ConfigurationOption.standard)
      let configured = try ProviderOption.providers(of: configuration, named: provider)[0]
      // Who looks at no claim looks for none among what is revoked.
      let revoked = signatureOnly ? nil : try ProviderRevocations(configuration, of: configured)
      return (configured.policy, try configured.currentKeys(), revoked, configured.dpop)
    }
    let policy = TokenPolicy(
      provider: "jwks", issuer: issuer ?? ((try? CompactToken(token.span).unverifiedIssuer()) ?? ""),
      audiences: audience.map { .oneOf([$0]) } ?? .any, algorithms: try allowedAlgorithms(),
      tokenBytesMax: TokenVerifyCommand.tokenBytesMax)
    return (policy, try keySet(), nil, nil)
  }

  /// More than a gateway takes: a long token is not what is asked about here.
  private static let tokenBytesMax = 64 * 1024

  private func allowedAlgorithms() throws -> [SignatureAlgorithm]? {
    try algorithms?.split(separator: ",").map { name in
      guard let algorithm = SignatureAlgorithm(name: String(name)) else {
        throw ValidationError("\(name) is not an algorithm")
      }
      return algorithm
    }
  }

  private func keySet() throws -> KeySet {
    let bytes: [UInt8]
    do throws(SystemError) {
      bytes = try FileAccess.readFileOrPipe(jwks ?? "", bytesMax: 1 << 20)
    } catch {
      StandardError.print("\(error)")
      throw ExitStatus.noInput
    }
    do throws(KeySetError) {
      return try KeySet.parse(jwks: bytes.span)
    } catch {
      StandardError.print("\(jwks ?? ""): \(Reason.keysUnavailable.rawValue): \(error)")
      throw ExitStatus.unavailable
    }
  }
}

extension JSONValue {
  /// As JSON: any bytes of a token become one line.
  fileprivate var text: String { String(decoding: serialized(), as: UTF8.self) }
}
