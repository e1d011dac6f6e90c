public import TLS

/// What the listeners speak: a TLSContext for each on each loop, or nothing.
public struct ListenerContexts: Sendable {
  /// By listener; nil: it speaks in clear.
  public let settings: [TLSContext.Settings?]
  /// By loop, then by listener.
  let contexts: [[TLSContext?]]

  /// - Parameters:
  ///   - tickets: Kept over reloads, so that sessions are.
  ///   - workers: Loops that carry traffic.
  public init(_ settings: [TLSContext.Settings?], tickets: TicketKeys, workers: Int) throws(TLSFault) {
    self.settings = settings
    var contexts: [[TLSContext?]] = []
    for _ in 0..<workers {
      var own: [TLSContext?] = []
      for each in settings {
        guard let each else {
          own.append(nil)
          continue
        }
        own.append(try TLSContext(each, tickets: tickets))
      }
      contexts.append(own)
    }
    self.contexts = contexts
  }
}
