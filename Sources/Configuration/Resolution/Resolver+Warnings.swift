import Tokens

extension Resolver {
  /// What is allowed, and probably not meant, as far as what is written shows it.
  ///
  /// - Parameter providers: As they were resolved.
  func warnings(_ providers: [ProviderConfiguration]) -> [Diagnostic] {
    var warnings: [Diagnostic] = []
    func warn(_ position: Position, _ message: String) {
      warnings.append(Diagnostic(file: file, position: position, message: message))
    }
    for provider in draft.providers {
      let algorithms = provider.body.value.algorithms ?? []
      for (index, algorithm) in algorithms.enumerated() {
        guard let first = algorithms[..<index].first(where: { $0.value == algorithm.value }) else { continue }
        warn(
          algorithm.position,
          first.written == algorithm.written
            ? "\(algorithm.written) is named twice"
            : "\(algorithm.written) and \(first.written) are one algorithm; leave one of the two out")
      }
    }
    for named in draft.providers {
      guard let provider = providers.first(where: { $0.name == named.name }), let signIn = provider.signIn else {
        continue
      }
      let written = named.body
      // Authorization alone is for those who have their tokens from the response, and may be meant.
      let readsCookies = provider.credentialSources.contains { if case .cookie = $0 { true } else { false } }
      if written.places.isWritten("token_from"), readsCookies,
        !provider.credentialSources.contains(.cookie(signIn.cookies.access))
      {
        warn(
          written.places.value("token_from"),
          "\"token_from\" without \"cookie\", where browsers have the token of sign_in: whoever signs in there is refused "
            + "afterwards; add \"cookie\"")
      }
      let required = [
        (written.value.require, "nobody can sign in"),
        (written.value.tried?.value.require, "they would all be refused"),
      ]
      for case (let require?, let consequence) in required {
        guard let type = require.value.type, !TokenMinter.isAccessTokenType(type) else { continue }
        warn(
          require.places.value("typ"),
          "\"\(type)\" is not the type of the tokens of sign_in: \(consequence); write "
            + "\"\(TokenMinter.accessTokenType)\", or leave \"typ\" out")
      }
    }
    for route in draft.routes ?? [] where route.value.anonymous == .allow && route.value.requirement != nil {
      warn(
        route.places.key("anonymous"),
        "anonymous: allow with \"require\", which nobody without a token meets: they are refused; leave one of the two out"
      )
    }
    for route in draft.routes ?? [] {
      guard let path = route.value.path, let segment = ForeignParameter.first(in: path.value.text) else { continue }
      warn(
        path.position,
        "\"\(segment.written)\" matches nothing but itself; for any segment write \"\(segment.meant)\", and where it is "
          + "meant as it stands \"\(segment.literal)\"")
    }
    return warnings
  }
}
