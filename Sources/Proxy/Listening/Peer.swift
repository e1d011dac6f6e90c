import HTTP
import Sockets

/// The other end of a client's connection, as its socket or a PROXY header names it.
struct Peer: Sendable {
  /// Nil of a unix socket.
  var address: IPAddress?
  /// As the log and upstreams are told; empty where there is no address.
  var text = AddressText()
  /// The port that it connected to; nil of a unix socket.
  var port: UInt16?

  /// Of nobody.
  init() {}

  /// - Parameter port: 0 of a unix socket.
  init(_ text: AddressText, port: UInt16) {
    address = text.withBytes { IPAddress($0, ByteRange(0, $0.count)) }
    self.text = text
    self.port = port == 0 ? nil : port
  }

  init(_ endpoints: ProxyHeader.Endpoints) {
    address = endpoints.client
    text = AddressText(endpoints.client.text)
    port = endpoints.destinationPort
  }
}
