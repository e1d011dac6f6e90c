extension Resolver {
  /// nil where it is left out, or after a report.
  mutating func resolveSignIn(_ provider: Decoded<ProviderDraft>) -> SignInConfiguration? {
    guard let decoded = provider.value.signIn else { return nil }
    let signIn = decoded.value
    let places = provider.places
    if places.isMissing("signing"), places.areSound("jwks_url", "jwks_file", "secret_file") {
      report(
        places.key("sign_in"), "\"sign_in\" without \"signing\"; sign-in issues this gateway's own tokens")
    }
    if provider.value.dpop == .required {
      report(places.value("dpop"), "dpop: required with \"sign_in\", whose tokens are not bound to a key")
    }
    if places.isWritten("claims") {
      report(
        places.key("claims"), "\"claims\" with \"sign_in\"; its tokens have their claims where they are looked for")
    }
    if decoded.places.areSound("refresh", "lifetime"), signIn.refresh < signIn.lifetime {
      report(
        decoded.places.value("refresh"),
        "\"refresh\" is shorter than \"lifetime\", which is \(DurationText.write(signIn.lifetime))")
    }
    if decoded.places.areSound("idle", "refresh"), let idle = signIn.idle, signIn.refresh < idle {
      report(
        decoded.places.value("idle"),
        "\"idle\" is longer than \"refresh\", which is \(DurationText.write(signIn.refresh))")
    }
    if places.areSound("max_age"), decoded.places.areSound("lifetime"), let age = provider.value.maxAge,
      age < signIn.lifetime
    {
      report(
        places.value("max_age"),
        "\"max_age\" is shorter than \"lifetime\" of \"sign_in\", which is \(DurationText.write(signIn.lifetime))")
    }
    let users = signIn.usersFile.flatMap { resolveUsers($0) }
    let logo = signIn.logo.flatMap { resolveLogo($0) }
    guard let issuer = provider.value.issuer, let address = WebAddress(issuer.value), let users
    else { return nil }
    let own = address.hostInRequests
    let hosts = signIn.hosts.map { hosts in distinct(hosts) } ?? [own]
    if address.scheme == .http {
      for host in signIn.hosts ?? [] where !IPLiteral.isLoopback(host.value.trimmingBrackets) {
        report(host.position, "\(host.written) with an http issuer; cookies need https, except on loopback addresses")
      }
    }
    return SignInConfiguration(
      users: users, path: signIn.path, hosts: hosts, lifetimeSeconds: signIn.lifetime.components.seconds,
      refreshSeconds: signIn.refresh.components.seconds,
      idleSeconds: (signIn.idle ?? signIn.refresh).components.seconds, title: signIn.title, logo: logo,
      accent: signIn.accent, cookies: SignInCookies(address.scheme == .https ? .secured : .clear))
  }

  private mutating func distinct(_ hosts: [Located<String>]) -> [String] {
    var names: [String] = []
    for host in hosts {
      if names.contains(host.value) {
        report(host.position, "\(host.written) is named twice")
      } else {
        names.append(host.value)
      }
    }
    return names
  }

  /// Where a provider's tokens may stand; those of a sign-in in its cookie too, where nothing else is said.
  mutating func resolveCredentialSources(
    _ provider: Decoded<ProviderDraft>, _ signIn: SignInConfiguration?
  ) -> [CredentialSource] {
    var sources = provider.value.credentialSources
    if provider.value.signIn != nil, !provider.places.isWritten("token_from") { sources.append(.signInCookie) }
    if provider.value.signIn == nil, sources.contains(.signInCookie) {
      report(
        provider.places.value("token_from"),
        "\"cookie\" without \"sign_in\", whose cookie it is; for another one write its name: \"cookie:NAME\"")
    }
    return sources.compactMap { source in
      guard source == .signInCookie else { return source }
      return signIn.map { .cookie($0.cookies.access) }
    }
  }

  /// On one host two of them would have one cookie, or one path.
  mutating func checkSignIns(_ providers: [ProviderConfiguration]) {
    var taken: [String: ProviderConfiguration] = [:]
    for provider in providers {
      guard let named = draft.providers.first(where: { $0.name == provider.name }) else { continue }
      let key = provider.codeFlow == nil ? "sign_in" : "code_flow"
      for host in provider.signInPages?.hosts ?? [] {
        guard let other = taken.updateValue(provider, forKey: host) else { continue }
        report(
          named.body.places.key(key),
          "\"\(other.name)\" has \"\(other.codeFlow == nil ? "sign_in" : "code_flow")\" for the host \(host) already; "
            + "a host has one")
      }
    }
  }

  /// nil after a report.
  private mutating func resolveUsers(_ file: Located<String>) -> UsersFile? {
    if FileSystem.isMissing(file.value) {
      report(
        file.position,
        "\(file.value): no such file; to make it: portcullis user add NAME --users-file \(file.value)")
      return nil
    }
    switch UsersFile.load(path: file.value, gatewayUser: gatewayOwner?.user) {
    case .failure(let faults):
      decoding.report(faults)
      return nil
    case .success(let users):
      // SECURITY A-5.
      if users.isDemo {
        for listener in draft.listeners ?? [] {
          guard let address = listener.value.address, !address.value.isLocal else { continue }
          report(
            address.position,
            "\(address.written) with a demo users file, whose passwords everyone knows; listen only on loopback")
        }
      }
      return users
    }
  }

  private mutating func resolveLogo(_ file: Located<String>) -> SignInConfiguration.Logo? {
    let types = [
      "svg": "image/svg+xml", "png": "image/png", "jpg": "image/jpeg", "jpeg": "image/jpeg", "webp": "image/webp",
      "gif": "image/gif",
    ]
    let ending = file.value.split(separator: ".").last.map { $0.lowercased() } ?? ""
    guard let type = types[ending] else {
      report(file.position, "\(file.value) is not an image; its name has to end in .svg, .png, .jpg, .webp or .gif")
      return nil
    }
    do throws(FileSystem.Fault) {
      let bytes = try FileSystem.read(file.value)
      if bytes.count > 64 << 10 { report(file.position, "\(file.value): larger than 64 KiB") }
      return SignInConfiguration.Logo(mediaType: type, bytes: bytes)
    } catch {
      report(file.position, "\(file.value): \(error.message)")
      return nil
    }
  }
}

extension WebAddress {
  /// As Host of a request has it: IPv6 addresses stand in brackets.
  var hostInRequests: String {
    let host = host.lowercased()
    return host.contains(":") ? "[\(host)]" : host
  }
}

extension String {
  fileprivate var trimmingBrackets: String {
    hasPrefix("[") && hasSuffix("]") ? String(dropFirst().dropLast()) : self
  }
}
