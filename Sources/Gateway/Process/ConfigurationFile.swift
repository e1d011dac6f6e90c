import Configuration
import Sockets

/// `gateway.conf` with the environment and the processors of this process.
enum ConfigurationFile {
  /// - Parameters:
  ///   - reader: For a command of root's, files of the gateway's user are as good as its own from now on.
  ///   - isAgain: Whether this process has read it before.
  static func load(
    _ path: String, for reader: ConfigurationReader, isAgain: Bool = false
  ) -> Result<GatewayConfiguration, Diagnostics> {
    let loaded = GatewayConfiguration.load(
      path: path, environment: Process.environment, processorCount: Process.processorCount, for: reader,
      isAgain: isAgain)
    if case .command = reader, case .success(let configuration) = loaded {
      FileOwner.ofGateway = configuration.gatewayOwner.map { FileOwner(user: $0.user, group: $0.group) }
    }
    return loaded
  }

  /// As `load`, for who puts it in force: what `tests` of it fails is a fault of it.
  static func loadTested(
    _ path: String, for reader: ConfigurationReader, isAgain: Bool = false
  ) -> Result<GatewayConfiguration, Diagnostics> {
    load(path, for: reader, isAgain: isAgain).flatMap { configuration in
      configuration.failedTests(now: WallClock.seconds).map { .failure($0) }
        ?? .success(configuration)
    }
  }

  /// What is odd about a file whose text is good; one that is gone meanwhile is as it was.
  static func warnings(_ configuration: GatewayConfiguration) -> [Diagnostic] {
    guard !configuration.secretsWritten.isEmpty, let status = try? FileStatus(path: configuration.file) else {
      return []
    }
    return configuration.warnings(ofMode: status.mode)
  }
}

extension ConfigurationFile {
  /// As `loadTested`, with what its files were like before they were read: a change after that is seen.
  ///
  /// - Parameters:
  ///   - watched: Files that are known to be looked at from now on; empty: none, unless it asks for that.
  ///   - isAgain: Whether this process has read it before.
  static func loadSeen(
    _ path: String, watched: [String], isAgain: Bool = false
  ) -> (loaded: Result<GatewayConfiguration, Diagnostics>, seen: ConfigurationWatcher.Sight) {
    var seen = ConfigurationWatcher.look(watched)
    let loaded = loadTested(path, for: .gateway, isAgain: isAgain)
    let named: [String]
    switch loaded {
    case .success(let configuration): named = configuration.reload.isWatching ? configuration.filesRead : []
    case .failure(let diagnostics): named = watched.isEmpty ? [] : diagnostics.filesNamed
    }
    let unknown = named.filter { !seen.keys.contains($0) }
    if unknown.isEmpty { return (loaded, seen) }
    // They have been read before they were looked at.
    seen.merge(ConfigurationWatcher.look(unknown)) { before, _ in before }
    return (loadTested(path, for: .gateway, isAgain: true), seen)
  }
}
