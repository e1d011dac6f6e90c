import CSystem
import Glibc

/// One datagram to a unix domain socket, for those who listen for messages and not for connections.
public enum DatagramMessage {
  /// Sends `text`. Nobody may be there to hear it: that is no error.
  ///
  /// - Parameter path: A path, or a name in the abstract namespace that begins with `@`.
  public static func send(_ text: String, toUnixSocket path: String) {
    let bytes = [UInt8](text.utf8)
    // SAFETY: both are borrowed for the call alone.
    unsafe bytes.withUnsafeBytes { raw in
      guard let base = raw.baseAddress else { return }
      _ = unsafe csystem_send_datagram(path, base, raw.count)
    }
  }
}
