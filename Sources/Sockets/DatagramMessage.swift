import CSystem
import Glibc

/// One datagram to a unix domain socket, for those who listen for messages and not for connections.
public enum DatagramMessage {
  /// Sends `text`.
  ///
  /// - Parameter path: A path, or a name in the abstract namespace that begins with `@`.
  public static func send(_ text: String, toUnixSocket path: String) throws(SystemError) {
    let bytes = [UInt8](text.utf8)
    // SAFETY: both are borrowed for the call alone.
    let sent = unsafe bytes.withUnsafeBytes { raw in
      guard let base = raw.baseAddress else { return 0 }
      return Int(unsafe csystem_send_datagram(path, base, raw.count))
    }
    if sent < 0 { throw .last("sendto") }
  }
}
