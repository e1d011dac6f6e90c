import Configuration
import Sockets
import Tokens

/// Databases of sign-ins and sessions that no provider of a configuration has. A database belongs to its provider's name
/// and folder: what has ended in one that nobody opens is not known to a process that starts with that configuration.
enum ForsakenDatabases {
  private static let suffixes = [".sign-ins.db", ".sessions.db"]

  /// One for each such database in the folders that `configuration` names, and of `former`'s where tokens of its
  /// provider's issuer are still accepted. Blocks.
  ///
  /// - Parameter former: The configuration that it replaces; nil: none.
  static func warnings(
    _ configuration: GatewayConfiguration, replacing former: GatewayConfiguration? = nil
  ) -> [Diagnostic] {
    let used = Set(configuration.providers.flatMap(\.databases))
    let issuers = Set(configuration.providers.map(\.policy.issuer))
    var forsaken: Set<String> = []
    for folder in Set(used.map { FileAccess.folder(of: $0) }) {
      for name in (try? FileAccess.names(in: folder)) ?? [] where suffixes.contains(where: name.hasSuffix) {
        forsaken.insert("\(folder)/\(name)")
      }
    }
    for provider in former?.providers ?? [] where issuers.contains(provider.policy.issuer) {
      for path in provider.databases where (try? FileStatus(path: path)) != nil { forsaken.insert(path) }
    }
    return forsaken.subtracting(used).sorted().map { path in
      configuration.diagnostic(
        """
        no provider has the database \(path): what has ended in it is not known after a restart. It belongs to its \
        provider's name, sign_in or code_flow, and state: keep them until the tokens from there have expired, or list in \
        revocations.file what has to stay refused; then delete it, unless another gateway uses it
        """)
    }
  }
}

extension ProviderConfiguration {
  fileprivate var databases: [String] { [signInsFile, sessionsFile].compactMap(\.self) }
}
