public import TLS

/// What the listeners speak: a TLSContext for each on each loop, or nothing.
public struct ListenerContexts: Sendable {
  /// By listener; nil: it speaks in clear.
  public let settings: [TLSContext.Settings?]
  /// By loop, then by listener.
  let contexts: [[TLSContext?]]
  /// By listener: another number whenever other clients are let in, or those who are have to show something else.
  let clientsGenerations: [Int]

  /// - Parameters:
  ///   - previous: What they spoke before a reload.
  ///   - tickets: Kept over reloads, so that sessions are.
  ///   - workers: Loops that carry traffic.
  public init(
    _ settings: [TLSContext.Settings?], previous: ListenerContexts? = nil, tickets: TicketKeys, workers: Int
  ) throws(TLSFault) {
    self.settings = settings
    var generations = [Int](repeating: 0, count: settings.count)
    if let previous {
      generations = zip(previous.clientsGenerations, zip(previous.settings, settings)).map { generation, settings in
        settings.0?.clients == settings.1?.clients ? generation : generation + 1
      }
    }
    clientsGenerations = generations
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
