import ArgumentParser
import Configuration
import Dispatch
import Keys
import Sockets
import Synchronization
import Tokens

/// One provider of a configuration, for commands that look at tokens and keys.
struct ProviderOption: ParsableArguments {
  @OptionGroup var file: ConfigurationOption

  @Option(name: .long, help: ArgumentHelp("The provider, as named in the configuration.", valueName: "name"))
  var provider: String

  /// The provider.
  ///
  /// - Throws: An exit status, after everything that is wrong was said.
  func load() throws -> ProviderConfiguration {
    try ProviderOption.all(of: file.config, named: provider)[0]
  }

  /// The providers of a configuration, or the one of that name: never none.
  static func all(of path: String, named name: String?) throws -> [ProviderConfiguration] {
    try providers(of: try configuration(path), named: name)
  }

  static func configuration(_ path: String) throws -> GatewayConfiguration {
    switch ConfigurationFile.load(path, for: .command) {
    case .failure(let diagnostics): throw say(diagnostics)
    case .success(let configuration): return configuration
    }
  }

  /// Says what is wrong with a configuration.
  static func say(_ diagnostics: Diagnostics) -> ExitCode {
    for diagnostic in diagnostics.list { StandardError.print(diagnostic.description) }
    // Only a file that cannot be read has a fault without a place.
    return diagnostics.list.contains { $0.position == nil } ? ExitStatus.noInput : ExitStatus.configuration
  }

  static func providers(
    of configuration: GatewayConfiguration, named name: String?
  ) throws -> [ProviderConfiguration] {
    let found = configuration.providers.filter { name == nil || $0.name == name }
    if found.isEmpty {
      let names = configuration.providers.map(\.name).joined(separator: ", ")
      let missing = name.map { "no provider \"\($0)\"" } ?? "no providers"
      StandardError.print("\(configuration.file): \(missing)\(names.isEmpty ? "" : "; the providers are: \(names)")")
      throw ExitStatus.usage
    }
    return found
  }
}

extension ProviderConfiguration {
  /// The folder of the provider's own keys.
  ///
  /// - Throws: An exit status, where it does not sign, or with a secret.
  func signingFolder() throws -> SigningFolder {
    switch keys {
    case .signing(let folder, let algorithm):
      return SigningFolder(path: folder, provider: name, algorithm: algorithm)
    case .signingSecret(_, let file, _, _):
      StandardError.print("provider \"\(name)\" signs with the secret in \(file): put another one there, and reload")
      throw ExitStatus.usage
    case .none, .jwksURL, .discovery, .jwksFile, .secretFile:
      StandardError.print("provider \"\(name)\" has no \"signing\": its tokens are issued elsewhere")
      throw ExitStatus.usage
    }
  }

  /// The key that signs, made where there is none yet.
  ///
  /// - Throws: A `KeyFault`, or an exit status where the provider does not sign.
  func signingKey(now: UnixSeconds) throws -> IssuerKey {
    if case .signingSecret(_, let file, _, let algorithm) = keys { return try SigningSecret.load(file, algorithm).key }
    let folder = try signingFolder()
    let inOrder = folder.inSigningOrder(try folder.load(), now: now)
    return try (inOrder.first { $0.key.algorithm == folder.algorithm } ?? folder.generate(now: now)).key
  }

  /// Of one that needs no keys.
  var whyNoKeys: String {
    introspection == nil
      ? "its clients are identified by the certificates of their connections (client_certificate)"
      : "the issuer is asked about every token (introspection)"
  }

  /// The keys in force, fetched where they have to be.
  ///
  /// - Throws: An exit status, where there are none.
  func currentKeys() throws -> KeySet {
    if keys == .none {
      StandardError.print("provider \"\(name)\" has no keys: \(whyNoKeys)")
      throw ExitStatus.usage
    }
    let current = try CurrentKeys([self])
    if let keys = current.snapshot.providers.first?.keySet { return keys }
    StandardError.print("provider \"\(name)\": no keys: \(current.faults[name] ?? "nothing was fetched")")
    throw ExitStatus.unavailable
  }
}
