internal import COpenSSL

/// The sessions with one server that may be gone on with (RFC 8446 §2.2, RFC 5077), the newest few of them: those of one
/// host and one `TLSClientContext`, so that what was verified once holds. Used on one loop alone.
@safe
public final class ResumableSessions {
  /// The newest last; owned.
  private var sessions: [OpaquePointer]
  private let clock: () -> Int

  /// A server of TLS 1.3 gives two for a connection as a rule, and each is used once.
  static let countMax = 4

  /// No session yet.
  public convenience init() { self.init(clock: SessionAge.clock) }

  /// - Parameter clock: The time of day, in seconds.
  init(clock: @escaping () -> Int) {
    unsafe sessions = []
    self.clock = clock
  }

  deinit {
    for index in unsafe sessions.indices { unsafe SSL_SESSION_free(sessions[index]) }
  }

  var count: Int { unsafe sessions.count }

  @unsafe
  private func add(owning session: OpaquePointer) {
    guard unsafe SessionAge.begin(session, now: clock()) else {
      unsafe SSL_SESSION_free(session)
      return
    }
    unsafe sessions.append(session)
    if unsafe sessions.count > ResumableSessions.countMax { unsafe SSL_SESSION_free(sessions.removeFirst()) }
  }

  /// Has `ssl` offer the newest that is still good. One of TLS 1.3 is used once, as two uses of a ticket could be told
  /// to be the same client's (RFC 8446 §C.4).
  @unsafe
  func resume(in ssl: OpaquePointer) {
    while let session = unsafe sessions.popLast() {
      guard unsafe isGood(session), unsafe SSL_set_session(ssl, session) == 1 else {
        unsafe SSL_SESSION_free(session)
        continue
      }
      if unsafe SSL_SESSION_get_protocol_version(session) < TLS1_3_VERSION {
        unsafe sessions.append(session)
      } else {
        unsafe SSL_SESSION_free(session)
      }
      return
    }
  }

  @unsafe
  private func isGood(_ session: OpaquePointer) -> Bool {
    guard unsafe SSL_SESSION_is_resumable(session) == 1, let shown = unsafe SSL_SESSION_get0_peer(session),
      unsafe SessionAge.isGood(session, now: clock())
    else { return false }
    return unsafe X509Certificate.validity(of: shown) == .valid
  }

  // MARK: OpenSSL

  /// Where an SSL keeps whose sessions it adds to.
  private static let index = portcullis_ssl_new_index()

  /// Has what the server gives to `ssl` added here. `ssl` does not keep this alive.
  @unsafe
  func collect(from ssl: OpaquePointer) -> Bool {
    unsafe SSL_set_ex_data(ssl, ResumableSessions.index, Unmanaged.passUnretained(self).toOpaque()) == 1
  }

  /// A server has given a session, which is verified. 1: it is kept.
  static let newSession: @convention(c) (OpaquePointer?, OpaquePointer?) -> Int32 = { ssl, session in
    guard let session = unsafe session, let argument = unsafe SSL_get_ex_data(ssl, index) else { return 0 }
    // SAFETY: what stands there is the ResumableSessions that the TLSSession holds.
    unsafe Unmanaged<ResumableSessions>.fromOpaque(argument)._withUnsafeGuaranteedRef { sessions in
      unsafe sessions.add(owning: session)
    }
    return 1
  }
}
