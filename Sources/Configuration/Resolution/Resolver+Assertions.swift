import Access
import Tokens

extension Resolver {
  /// What a request can pay for; a signature of the others takes up to a hundred times as long.
  private static let assertionAlgorithms: [SignatureAlgorithm] = [.es256, .eddsa]

  /// nil where it is left out, or after a report.
  mutating func resolveAssertion(_ route: Decoded<RouteDraft>) -> AssertionConfiguration? {
    guard let assertion = route.value.assertion else { return nil }
    let header = assertion.value.header
    if assertion.places.areSound("header"), route.places.areSound("identity"),
      let fault = IdentityHeaderName.fault(header, beside: route.value.identityMapping.headerNames)
    {
      report(assertion.places.value("header"), "\"\(header)\" \(fault.predicate)")
    }
    guard let provider = resolveSigner(assertion, route), let audience = assertion.value.audience else { return nil }
    return AssertionConfiguration(
      header: header, audience: audience, lifetimeSeconds: assertion.value.lifetime.components.seconds,
      provider: provider)
  }

  /// The index of the provider whose key signs; nil after a report.
  private mutating func resolveSigner(
    _ assertion: Decoded<AssertionDraft>, _ route: Decoded<RouteDraft>
  ) -> Int? {
    guard assertion.places.areSound("provider") else { return nil }
    let signing = draft.providers.indices.filter { draft.providers[$0].body.places.isWritten("signing") }
    let position: Position
    let index: Int
    if let name = assertion.value.provider {
      guard let named = providerIndex(name) else { return nil }
      guard signing.contains(named) else {
        report(name.position, "\(name.written) has no \"signing\"; an assertion is signed by this gateway's own key")
        return nil
      }
      (position, index) = (name.position, named)
    } else {
      position = route.places.key("assertion")
      guard let only = signing.first, signing.count == 1 else {
        let names = signing.map { draft.providers[$0].name }.joined(separator: ", ")
        report(
          position,
          names.isEmpty
            ? "\"assertion\" without a provider that has \"signing\", whose key would sign it"
            : "\"assertion\" without \"provider\", whose key signs it; there are \(names)")
        return nil
      }
      index = only
    }
    guard let signer = draft.providers[index].body.value.signing, signer.places.areSound("algorithm") else {
      return nil
    }
    let algorithm = signer.value.algorithm
    if !Resolver.assertionAlgorithms.contains(algorithm) {
      let name = draft.providers[index].name
      let reason =
        algorithm.isSymmetric
        ? "with which whoever verifies an assertion could make one" : "which takes too long for an assertion"
      report(
        position,
        """
        "\(name)" signs with \(algorithm.rawValue), \(reason); it needs a provider that signs with ES256 or EdDSA
        """)
    }
    if let rotation = signer.value.rotation, rotation.keepFor < assertion.value.lifetime,
      signer.places.areSound("rotate_every", "keep_for"), assertion.places.areSound("lifetime")
    {
      let most = DurationText.write(rotation.keepFor)
      report(
        assertion.places.value("lifetime"),
        "\"lifetime\" is longer than \"keep_for\" of the key that signs, which is \(most)")
    }
    return index
  }
}
