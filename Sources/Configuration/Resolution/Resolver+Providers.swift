import HTTP
import Tokens

extension Resolver {
  /// nil after a report.
  mutating func resolveProvider(_ named: Named<ProviderDraft>) -> ProviderConfiguration? {
    let provider = named.body.value
    if named.name == "none" {
      report(named.position, "a provider cannot be called \"none\": auth: none means everyone")
    }
    if let clientCertificate = provider.clientCertificate {
      return resolveClientCertificates(named, clientCertificate)
    }
    // It has been reported, and no other key is missing beside it.
    if named.body.places.isWritten("client_certificate") { return nil }
    for key in ProviderDraft.keys.keys where key.presence == .requiredByResolver {
      guard named.body.places.isMissing(key.name) else { continue }
      report(named.body.places.mapping, "\"\(key.name)\" is missing. \(key.documentation)")
    }
    checkKeySources(named.body)
    checkAlgorithms(named.body)
    checkTokenType(provider.require)
    if let tried = provider.tried {
      checkTokenType(tried.value.require)
      let places = tried.places
      if ["audiences", "max_age", "require"].allSatisfy({ places.isMissing($0) }), !places.isMissing("enforce") {
        report(places.mapping, "nothing is tried: audiences, max_age or require is missing")
      }
      checkTried(tried, beside: provider)
    }
    checkFiles(provider)
    checkCertificateAuthority(named.body)
    checkStaleFor(provider.refresh)
    checkRefresh(named.body)
    checkCacheFile(named)
    let introspection = resolveIntrospection(named.body)
    let signIn = resolveSignIn(named.body)
    let codeFlow = resolveCodeFlow(named.body)
    let credentialSources =
      resolveCredentialSources(named.body, signIn) + (codeFlow.map { [.session($0.cookies.session)] } ?? [])
    if let issuer = provider.issuer {
      checkIssuerName(issuer)
      checkIssuer(issuer, named.body)
    }
    guard let issuer = provider.issuer, let audiences = provider.audiences else { return nil }
    guard let keys = keyLocation(named.body) else { return nil }
    return ProviderConfiguration(
      name: named.name,
      policy: TokenPolicy(
        provider: named.name, issuer: issuer.value, audiences: audiences,
        algorithms: provider.algorithms?.map(\.value),
        leewaySeconds: provider.leeway.components.seconds, ageMaxSeconds: provider.maxAge?.components.seconds,
        type: provider.require.value.type, requiredClaims: provider.require.value.claims,
        tried: provider.tried?.value.checks,
        tokenBytesMax: draft.limits.value.tokenBytesMax,
        claims: provider.claims.value,
        // What this gateway issues holds what its operator wrote.
        emailVerification: provider.emailVerification ?? (provider.signing == nil ? .required : .assumed)),
      keys: keys,
      certificateAuthorityFile: provider.certificateAuthority?.value,
      credentialSources: credentialSources,
      dpop: provider.dpop,
      refreshEvery: provider.refresh.value.every,
      staleFor: provider.refresh.value.staleFor,
      keyCacheFile: provider.refresh.value.cacheFile?.value,
      keyRotation: resolveKeyRotation(named.body, signIn),
      introspection: introspection,
      signIn: signIn,
      codeFlow: codeFlow,
      enforcementBudget: provider.tried?.value.enforcement.enforcementBudget)
  }

  private func keyLocation(_ provider: Decoded<ProviderDraft>) -> KeyLocation? {
    guard provider.places.areSound("jwks_url", "jwks_file", "secret_file", "signing") else { return nil }
    let value = provider.value
    if let url = value.jwksURL { return .jwksURL(url.value.text) }
    if let file = value.jwksFile { return .jwksFile(file.value) }
    if let file = value.secretFile { return .secretFile(file.value) }
    guard let signing = value.signing?.value else { return provider.needsNoKeys ? KeyLocation.none : .discovery }
    guard let folder = signing.state?.value else { return nil }
    if !signing.algorithm.isSymmetric { return .signing(folder: folder, algorithm: signing.algorithm) }
    let files = (signing.secretFiles ?? []).map(\.value)
    guard let file = files.first else { return nil }
    return .signingSecret(
      folder: folder, file: file, former: Array(files.dropFirst()), algorithm: signing.algorithm)
  }

  private mutating func checkKeySources(_ provider: Decoded<ProviderDraft>) {
    let written = ["jwks_url", "jwks_file", "secret_file", "signing"].filter { provider.places.isWritten($0) }
    for name in written.dropFirst() {
      report(
        provider.places.key(name), "\"\(name)\" together with \"\(written[0])\"; a provider's keys come from one place")
    }
  }

  /// Where the metadata are is not what the issuer calls itself (OpenID Connect Discovery 1.0 §4.1, RFC 8414 §3.1).
  private mutating func checkIssuerName(_ issuer: Located<String>) {
    for path in ["/.well-known/openid-configuration", "/.well-known/oauth-authorization-server"]
    where issuer.value.hasSuffix(path) {
      report(
        issuer.position,
        "the issuer is without \(path), which is added to it; write \(ShownURL(String(issuer.value.dropLast(path.count))))"
      )
    }
  }

  /// What is fetched from an issuer, or published as one, needs a protected URL (SECURITY K-1, RFC 8414 §2). An
  /// issuer whose keys are files, or that has none, is a name and no more.
  private mutating func checkIssuer(_ issuer: Located<String>, _ provider: Decoded<ProviderDraft>) {
    let isName =
      provider.places.isWritten("jwks_file") || provider.places.isWritten("secret_file") || provider.needsNoKeys
    guard !isName || provider.places.isWritten("code_flow") else { return }
    guard let address = WebAddress(issuer.value) else {
      report(issuer.position, "the issuer is not an https URL")
      return
    }
    if !address.isProtected {
      report(issuer.position, "the issuer has to be an https URL; http is for loopback addresses only")
    }
  }

  /// RFC 8725 §3.1: a key is used with the algorithms it is meant for, HS* with secrets and nothing else.
  private mutating func checkAlgorithms(_ provider: Decoded<ProviderDraft>) {
    let value = provider.value
    let isShared = provider.places.isWritten("secret_file")
    // With `signing`, what it signs with says which ones fit.
    for algorithm in value.algorithms ?? []
    where algorithm.value.isSymmetric != isShared && value.signing == nil {
      report(
        algorithm.position,
        isShared
          ? "\(algorithm.written) does not fit \"secret_file\"; use HS256, HS384 or HS512"
          : "\(algorithm.written) needs \"secret_file\"")
    }
    guard let signing = value.signing, signing.places.areSound("algorithm") else { return }
    checkSigningSecret(signing)
    let own = signing.value.algorithm
    for algorithm in value.algorithms ?? [] where algorithm.value.isSymmetric != own.isSymmetric {
      report(algorithm.position, "\(algorithm.written) does not fit \"signing\", whose algorithm is \(own.rawValue)")
    }
    if let algorithms = value.algorithms, !algorithms.contains(where: { $0.value == own }) {
      report(
        provider.places.value("algorithms"), "\"algorithms\" lacks \"\(own.rawValue)\", with which this provider signs")
    }
  }

  private mutating func checkSigningSecret(_ signing: Decoded<SigningDraft>) {
    let places = signing.places
    let name = signing.value.algorithm.rawValue
    guard signing.value.algorithm.isSymmetric else {
      if places.isWritten("secret_file") {
        report(
          places.key("secret_file"), "\"secret_file\" with \(name); a secret signs with HS256, HS384 or HS512")
      }
      return
    }
    if places.isMissing("secret_file") {
      report(
        places.value("algorithm"), "\"\(name)\" without \"secret_file\"; a secret that others share is not made here")
    }
    // As many as are tried on a token whose key is not known by its name (SECURITY T-8).
    if let files = signing.value.secretFiles, files.count > TokenVerifier.unnamedKeysMax {
      report(
        places.value("secret_file"),
        "\(files.count) secrets; \(TokenVerifier.unnamedKeysMax) at most, the one that signs included")
    }
    for key in ["rotate_every", "keep_for"] where places.isWritten(key) {
      report(places.key(key), "\"\(key)\" with \(name); another secret is put into \"secret_file\" by hand")
    }
  }

  /// What asks for no more than the provider itself refuses nothing.
  private mutating func checkTried(_ tried: Decoded<ProviderTryDraft>, beside provider: ProviderDraft) {
    checkEnforcement(tried)
    if let age = tried.value.maxAge, let most = provider.maxAge, age >= most {
      reportIdle(
        tried.places.value("max_age"),
        "\"max_age\" is not shorter than the provider's, which is \(DurationText.write(most))")
    }
    if let audiences = tried.value.audiences, case .oneOf(let own)? = provider.audiences,
      own.allSatisfy(audiences.contains)
    {
      reportIdle(
        tried.places.value("audiences"), "\"audiences\" lacks none of the provider's own")
    }
    let (require, own) = (tried.value.require, provider.require.value)
    let isEmpty = require.value.type == nil && require.value.claims.isEmpty
    if !isEmpty, require.value.type == nil || require.value.type == own.type,
      require.value.claims.allSatisfy(own.claims.contains)
    {
      reportIdle(tried.places.key("require"), "the provider requires all of this already")
    }
  }

  /// What is enforced for nobody has no budget.
  mutating func checkEnforcement(_ tried: Decoded<some TriedDraft>) {
    for name in ["budget", "per"] where tried.places.isWritten(name) && tried.places.isMissing("enforce") {
      report(tried.places.key(name), "\"\(name)\" without \"enforce\"; nothing is enforced")
    }
  }

  /// What is told to an upstream is no token to come back with.
  private mutating func checkTokenType(_ require: Decoded<TokenRequirementDraft>) {
    guard let type = require.value.type, IdentityAssertion.isType(type) else { return }
    report(
      require.places.value("typ"),
      "\"\(type)\" is the type of assertions to upstreams (\"assertion\"), which are not tokens for requests")
  }

  private mutating func checkFiles(_ provider: ProviderDraft) {
    if let file = provider.jwksFile { _ = checkFile(file) }
    if let file = provider.certificateAuthority { _ = checkFile(file) }
    // SECURITY L-3.
    let signing = provider.signing?.value.secretFiles ?? []
    for file in signing + (provider.secretFile.map { [$0] } ?? []) {
      guard let status = checkFile(file), status.isOpenToOthers else { continue }
      report(file.position, "the secret can be read by others; run chmod 600 \(file.value)")
    }
    if let folder = provider.signing?.value.state { checkFolder(folder) }
  }

  mutating func checkFolder(_ folder: Located<String>) {
    do throws(FileSystem.Fault) {
      guard try FileSystem.status(folder.value).kind != .folder else { return }
      report(folder.position, "\(folder.value) is not a folder")
    } catch {
      // One that is not there is made at the first start; one that cannot be made is said then.
    }
  }

  mutating func checkFile(_ file: Located<String>) -> FileSystem.Status? {
    do throws(FileSystem.Fault) {
      let status = try FileSystem.status(file.value, gatewayUser: gatewayOwner?.user)
      if status.kind == .folder { report(file.position, "\(file.value) is a folder") }
      return status
    } catch {
      report(file.position, "\(file.value): \(error.message)")
      return nil
    }
  }

  private mutating func checkCertificateAuthority(_ provider: Decoded<ProviderDraft>) {
    let places = provider.places
    if places.isWritten("introspection") { return }
    for name in ["jwks_file", "secret_file", "signing"] where places.isWritten(name) && places.isWritten("ca") {
      report(places.key("ca"), "\"ca\" together with \"\(name)\"; nothing is fetched from this issuer")
    }
  }
}
