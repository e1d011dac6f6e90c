import Tokens

extension Resolver {
  /// A key has to be there for as long as the tokens of a sign-in that it signed are good.
  mutating func resolveKeyRotation(
    _ provider: Decoded<ProviderDraft>, _ signIn: SignInConfiguration?
  ) -> KeyRotationConfiguration? {
    guard let signing = provider.value.signing else { return nil }
    guard var rotation = signing.value.rotation else {
      if !signing.value.algorithm.isSymmetric, signing.places.isWritten("keep_for") {
        report(signing.places.key("keep_for"), "\"keep_for\" with rotate_every: none; keys are deleted by hand")
      }
      return nil
    }
    guard let signIn else { return rotation }
    let needed = Duration.seconds(signIn.lifetimeSeconds) + provider.value.leeway
    guard rotation.keepFor < needed else { return rotation }
    if signing.places.isWritten("keep_for") {
      report(
        signing.places.value("keep_for"),
        """
        "keep_for" is shorter than the tokens of "sign_in" are good, with "leeway"; write at least \
        \(DurationText.write(needed))
        """)
    }
    rotation.keepFor = needed
    return rotation
  }
}
