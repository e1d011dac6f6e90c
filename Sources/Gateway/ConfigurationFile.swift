import Configuration
import Sockets

/// `gateway.conf` with the environment and the processors of this process.
enum ConfigurationFile {
  static func load(_ path: String) -> Result<GatewayConfiguration, Diagnostics> {
    GatewayConfiguration.load(
      path: path, environment: Process.environment, processorCount: Process.processorCount)
  }
}
