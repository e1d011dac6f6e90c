import Tokens

extension GatewayConfiguration {
  /// The file with its defaults, and in place of those that depend on other keys what was resolved.
  ///
  /// - Parameters:
  ///   - root: The file.
  ///   - draft: The same, decoded.
  func effective(_ root: Node, _ draft: Decoded<GatewayDraft>) -> EffectiveValue {
    var effective = GatewayDraft.keys.effective(root)
    for (name, bytes) in [("target", limits.targetBytesMax), ("token", limits.tokenBytesMax)]
    where !draft.value.limits.places.isWritten(name) {
      effective.set(["limits", name], to: .text(SizeText.write(bytes)))
    }
    for named in draft.value.providers {
      guard let provider = providers.first(where: { $0.name == named.name }) else { continue }
      for (keys, value) in provider.resolvedDefaults(named.body) {
        effective.set(["providers", named.name] + keys, to: value)
      }
    }
    return effective
  }
}

extension ProviderConfiguration {
  /// What the defaults of the provider's keys come to; nil: the key means nothing here.
  fileprivate func resolvedDefaults(_ draft: Decoded<ProviderDraft>) -> [(keys: [String], value: EffectiveValue?)] {
    var resolved: [(keys: [String], value: EffectiveValue?)] = []
    let places = draft.places
    if certificateRule != nil {
      return ProviderDraft.keys.keys.filter { $0.name != "client_certificate" }.map { ([$0.name], nil) }
    }
    if let signIn = draft.value.signIn {
      if !places.isWritten("token_from") {
        resolved.append((["token_from"], .list([.text("authorization"), .text("cookie")])))
      }
      if signIn.value.idle == nil {
        resolved.append((["sign_in", "idle"], .text(DurationText.write(signIn.value.refresh))))
      }
    }
    if let flow = codeFlow, let written = draft.value.codeFlow?.places, !written.isWritten("idle") {
      resolved.append((["code_flow", "idle"], .text(DurationText.write(.seconds(flow.idleSeconds)))))
    }
    // Nothing is fetched.
    if draft.needsNoKeys || ["jwks_file", "secret_file", "signing"].contains(where: places.isWritten) {
      resolved.append((["refresh"], nil))
    }
    if let signing = draft.value.signing {
      if signing.value.algorithm.isSymmetric { resolved.append((["signing", "rotate_every"], nil)) }
      if let keyRotation, !signing.places.isWritten("keep_for") {
        resolved.append((["signing", "keep_for"], .text(DurationText.write(keyRotation.keepFor))))
      } else if keyRotation == nil {
        resolved.append((["signing", "keep_for"], nil))
      }
    }
    return resolved
  }
}
