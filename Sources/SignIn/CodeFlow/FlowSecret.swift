import Crypto
import Tokens

/// What is secret of one way to the provider: 256 random bits, sealed in a cookie of the browser that goes there, and
/// nowhere else (SECURITY C-5).
///
/// The state's binding, the nonce and the PKCE verifier follow from it, each under a label of its own (RFC 5869 §2.3), and
/// none of them from another. So the cookie is small, and of the same size wherever the way leads. Who knows the state,
/// which URLs and logs have, knows nothing of the rest, with the secret that seals cookies neither.
struct FlowSecret: Sendable, Equatable {
  /// In seconds since 1970.
  let beganAt: UnixSeconds
  private let bits: [UInt8]

  /// For a browser that is sent to the provider now.
  static func random(now: UnixSeconds) throws(CryptoError) -> FlowSecret {
    FlowSecret(beganAt: now, bits: try RandomBytes.make(CodeFlow.flowSecretBytes))
  }

  /// What the state has of it, so that it is good in this browser alone: 128 bits.
  func binding() throws(CryptoError) -> String {
    Base64URL.text(Array(try derive("state")[..<CodeFlow.stateBytes]))
  }

  /// 128 bits.
  func nonce() throws(CryptoError) -> String {
    Base64URL.text(Array(try derive("nonce")[..<CodeFlow.stateBytes]))
  }

  /// PKCE's: 256 bits.
  func verifier() throws(CryptoError) -> String { Base64URL.text(try derive("verifier")) }

  /// 256 bits. The secret is uniformly random, so that one block is a key of its own.
  private func derive(_ label: String) throws(CryptoError) -> [UInt8] {
    let label = Array("portcullis code flow \(label)".utf8) + [1]
    return try MessageAuthentication.code(for: label.span, secret: bits.span, .sha256)
  }

  /// The cookie's value.
  ///
  /// - Parameter provider: It is good for this one alone.
  func sealed(with sealing: SealingSecret, provider: String) throws(CryptoError) -> String {
    let time = (0..<FlowSecret.timeBytes).map { UInt8(truncatingIfNeeded: beganAt >> (8 * Int64($0))) }
    return Base64URL.text(try sealing.seal((bits + time).span, as: FlowSecret.purpose(provider)))
  }

  /// - Throws: `cookieForeign` where it was not sealed here for that provider, or was changed; `tooOld`; `crypto`.
  static func open(
    _ cookie: String, with sealing: SealingSecret, provider: String, now: UnixSeconds
  ) throws(CallbackFault) -> FlowSecret {
    guard cookie.utf8.count <= cookieBytesMax, let sealed = Base64URL.decode(cookie) else { throw .cookieForeign }
    let opened: [UInt8]?
    do throws(CryptoError) {
      opened = try sealing.open(sealed.span, as: purpose(provider))
    } catch {
      throw .crypto(error)
    }
    guard let bytes = opened, bytes.count == CodeFlow.flowSecretBytes + timeBytes else { throw .cookieForeign }
    let beganAt = bytes[CodeFlow.flowSecretBytes...].reversed().reduce(UnixSeconds(0)) { $0 << 8 | UnixSeconds($1) }
    // The clock of the process that sealed it may be ahead by a little.
    guard now - beganAt < CodeFlow.secondsMax, beganAt - now <= TokenPolicy.leewayMaxSeconds else { throw .tooOld }
    return FlowSecret(beganAt: beganAt, bits: Array(bytes[..<CodeFlow.flowSecretBytes]))
  }

  private static let timeBytes = 8
  /// None that was sealed here is longer.
  private static let cookieBytesMax = 128

  private static func purpose(_ provider: String) -> String { "code flow of \(provider)" }
}
