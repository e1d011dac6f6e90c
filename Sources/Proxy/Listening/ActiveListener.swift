import Configuration
import HTTP

/// What a listener does to every request that comes to it.
struct ActiveListener: Sendable {
  /// Whoever speaks in clear is sent to https on this port.
  let redirectPort: UInt16?
  /// The field line by which browsers are told to use TLS alone (RFC 6797 §6.1), with its end.
  let strictTransport: [UInt8]?

  /// The upstream's own word on it, which the gateway's replaces: a browser heeds the first alone.
  static let replacedFields = FieldNameSet(["Strict-Transport-Security"])

  init(_ configuration: ListenerConfiguration) {
    redirectPort = configuration.redirectPort
    strictTransport = configuration.tls?.strictTransport.map {
      [UInt8]("Strict-Transport-Security: max-age=\($0.components.seconds)\r\n".utf8)
    }
  }
}
