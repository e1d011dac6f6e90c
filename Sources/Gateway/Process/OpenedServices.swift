import Configuration
import Introspection
import Keys
import Logging
import OTLP
import Proxy
import Sockets
import Tokens

/// What a configuration needs open before it can be in force: stores, secrets, ways to other servers. Whatever is wrong
/// with one of them is known while the configuration before still serves.
struct OpenedServices {
  let introspection: IntrospectionClients
  /// nil: nothing is exported.
  let export: OTLPEndpoint?
  private let signIns: SignIns.AllOpened
  private let codeFlows: [String: CodeFlows.Opened]

  /// Opens what `configuration` asks for and what is not open yet. Blocks. Nothing is in force yet.
  init(
    _ configuration: GatewayConfiguration, _ signIns: SignIns, _ codeFlows: CodeFlows, _ exporter: OTLPExporter,
    loop: EventLoop, log: Logger
  ) throws(GatewayFault) {
    export = try GatewayFault.raised(as: ExitStatus.configuration, "otlp: ") {
      let endpoint = try OTLPEndpoint.of(configuration)
      if endpoint != nil { try exporter.prepare() }
      return endpoint
    }
    introspection = try GatewayFault.raised(as: ExitStatus.configuration) {
      try IntrospectionClients(IntrospectionEndpoint.all(of: configuration), loop: loop) { $0.write(to: log) }
    }
    self.signIns = try GatewayFault.raised(as: ExitStatus.cannotCreate) { try signIns.open(configuration) }
    self.codeFlows = try GatewayFault.raised(as: ExitStatus.cannotCreate) { try codeFlows.open(configuration) }
  }

  /// Has the sign-ins of `configuration` work with what was opened for it.
  ///
  /// - Returns: What the gateway answers itself from now on.
  func takeEffect(
    _ configuration: GatewayConfiguration, _ signIns: SignIns, _ codeFlows: CodeFlows, _ keyStore: KeyStore
  ) -> [LocalRoute] {
    signIns.ended.take(
      issuers: Dictionary(
        configuration.providers.map { ($0.name, $0.policy.issuer) }, uniquingKeysWith: { first, _ in first }))
    return PublishedKeys.routes(configuration, keyStore) + ProtectedResourceMetadata.routes(configuration)
      + signIns.take(configuration, self.signIns, keys: keyStore)
      + codeFlows.take(configuration, self.codeFlows, keyStore)
  }
}
