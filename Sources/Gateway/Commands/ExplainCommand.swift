import Access
import ArgumentParser
import Configuration
import Crypto
import JSON
import Keys
import Reason
import Sockets
import Tokens

/// `portcullis explain`
struct ExplainCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "explain",
    abstract: "Shows what happens to a request: the route, each requirement, the verdict, what is forwarded.",
    discussion: """
      It is decided by the functions that decide real requests. Without --token and --as the sender has no token. Not \
      considered: what belongs to a connection (TLS, client addresses), and limits that count requests. Exit status: 0 \
      allowed, 1 refused, 64 usage, 66 no such file, 69 no keys, or no way to see which sign-ins have ended, 78 a \
      faulty configuration.
      """)

  enum Format: String, ExpressibleByArgument { case text, json }

  @OptionGroup var file: ConfigurationOption
  @OptionGroup var misplaced: MisplacedConfiguration
  @Option(name: .long, help: ArgumentHelp("The request's method.", valueName: "name"))
  var method = "GET"
  @Option(name: .long, help: ArgumentHelp("Its path, with its query where it has one.", valueName: "path"))
  var path: String
  @Option(name: .long, help: ArgumentHelp("Its host.", valueName: "host"))
  var host: String?
  @Option(
    name: .long,
    help: ArgumentHelp(
      "A file that holds the request's token, which is verified; -: standard input.", valueName: "file"),
    completion: .file())
  var token: String?
  @Option(
    name: .customLong("as"),
    help: ArgumentHelp(
      """
      What its token would contain: role=admin, scope=x, permission=p, claim=name=value, subject=alice, \
      provider=company, authenticated=5m. May be repeated.
      """, valueName: "what=value"))
  var supposed: [String] = []
  @Option(name: .long, help: ArgumentHelp("text or json.", valueName: "format"))
  var format = Format.text

  func validate() throws {
    if token != nil, !supposed.isEmpty { throw ValidationError("either --token or --as") }
  }

  func run() throws {
    let configuration = try ProviderOption.configuration(file.config)
    let evaluator = RequestEvaluator(configuration)
    let routed = evaluator.route(EvaluatedRequest(method: method, host: host ?? EvaluatedRequest.anyHost, target: path))
    let now = WallClock.seconds
    let evaluation: Evaluation
    if let token {
      switch try bearer(of: TokenArgument.read(file: token), on: routed, configuration, now) {
      case .claims(let claims): evaluation = evaluator.decide(routed, claims, now: now)
      case .refused(let reason, let claims): evaluation = evaluator.refuse(routed, for: reason, claims, now: now)
      }
    } else {
      let identity = try Supposition.identity(supposed, configuration)
      do {
        evaluation = evaluator.decide(routed, try evaluator.claims(of: identity, on: routed, now: now), now: now)
      } catch {
        throw ValidationError("the claim \(error.name) would be inside a value that is not an object")
      }
    }
    let explanation = RequestExplanation(
      evaluation, evaluator, namedHost: host, sender: token == nil ? .supposed : .token)
    switch format {
    case .text: try StandardOutput.print(explanation.text)
    case .json: try StandardOutput.print(String(decoding: explanation.json.serialized(), as: UTF8.self))
    }
    if evaluation.result.refusal != nil { throw ExitStatus.refused }
  }

  private enum Bearer {
    case claims(ClaimsSet?)
    /// With the claims that it is refused for, if its signature is valid.
    case refused(Reason, RefusedClaims?)
  }

  /// Whose the token is, verified with the keys of the provider that it says it is of, as the server does.
  private func bearer(
    of token: [UInt8], on routed: RequestEvaluator.Routed, _ configuration: GatewayConfiguration, _ now: UnixSeconds
  ) throws -> Bearer {
    let indices = routed.route.map { configuration.routes[$0].providers } ?? []
    var providers = indices.map { configuration.providers[$0] }.filter { $0.certificateRule == nil }
    if providers.isEmpty || routed.refusal != nil { return .claims(nil) }
    do throws(TokenError) {
      let compact = try CompactToken(token.span)
      if providers.count > 1 {
        let issuer = try compact.unverifiedIssuer()
        providers = providers.filter { $0.policy.issuer.isSameBytes(as: issuer) }
      }
    } catch {
      guard providers.contains(where: { $0.introspection != nil }) else { return .refused(error.reason, nil) }
      StandardError.print("an opaque token: only its issuer knows its contents, and is not asked here")
      throw ExitStatus.unavailable
    }
    guard let provider = providers.first else { return .refused(.issuerUnknown, nil) }
    if !provider.credentialSources.contains(.authorization) {
      StandardError.print("the route reads no token in Authorization: treated as if it were where the route reads one")
    }
    let keys = try provider.currentKeys()
    let verified: VerifiedToken
    do throws(TokenError) {
      verified = try TokenVerifier(provider.policy).verify(
        token.span, keys: keys, now: now, using: SignatureVerifier())
    } catch {
      return .refused(error.reason, RefusedClaims(error, provider.policy, now: now))
    }
    let revoked = try ProviderRevocations(configuration, of: provider)
    if revoked.find(verified.claims, keyID: verified.keyID) != nil { return .refused(.tokenRevoked, nil) }
    if let reason = TokenVerifyCommand.refusal(of: verified.claims.confirmation, provider.dpop) {
      return .refused(reason, nil)
    }
    return .claims(verified.claims)
  }
}
