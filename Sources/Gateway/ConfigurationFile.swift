import Configuration
import Sockets

/// `gateway.conf` with the environment and the processors of this process.
enum ConfigurationFile {
  static func load(_ path: String) -> Result<GatewayConfiguration, Diagnostics> {
    GatewayConfiguration.load(
      path: path, environment: Process.environment, processorCount: Process.processorCount)
  }

  /// As `load`, for who puts it in force: what `tests` of it fails is a fault of it.
  static func loadTested(_ path: String) -> Result<GatewayConfiguration, Diagnostics> {
    load(path).flatMap { configuration in
      configuration.failedTests(now: WallClock.nanoseconds / 1_000_000_000).map { .failure($0) }
        ?? .success(configuration)
    }
  }
}
