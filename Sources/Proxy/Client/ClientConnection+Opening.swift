import HTTP
import Reason
import Sockets
import TLS

/// What comes on a connection before the first request: a PROXY header, a TLS handshake.
extension ClientConnection {
  /// The TLS handshake comes first, or else a request; unless the connection is one too many of its address.
  func beginStream() {
    guard isWithinLimit() else { return }
    if stream.isSecured {
      phase = .handshaking
      worker.deadlines.handshake.arm(self)
    } else {
      (worker.isDraining ? worker.deadlines.linger : worker.deadlines.idle).arm(self)
    }
  }

  /// Closes a connection that is one too many of its address.
  private func isWithinLimit() -> Bool {
    switch worker.count(peer) {
    case .unlimited: return true
    case .counted(let address):
      countedAddress = address
      return true
    case .tooMany:
      close()
      return false
    }
  }

  // MARK: The PROXY header

  /// Takes the header from the socket, and not a byte more: what follows may be for TLS to read.
  func readProxyHeader() {
    guard receiving.mayRead else { return }
    enum Seen {
      case incomplete, refused, end
      case header(ProxyHeader)
    }
    var block = worker.context.blocks.take()
    let seen: Seen
    switch stream.peekInClear(into: &block) {
    case .bytes:
      seen = block.withReadable { bytes in
        do throws(ProxyHeaderError) {
          guard let header = try ProxyHeader.parse(bytes) else { return .incomplete }
          return .header(header)
        } catch {
          return .refused
        }
      }
      if case .header(let header) = seen {
        block.clear()
        stream.readInClear(into: &block, most: header.length)
      }
    case .wouldBlock: seen = .incomplete
    case .end, .failed: seen = .end
    }
    worker.context.blocks.give(block)
    switch seen {
    case .incomplete where receiving.endIsNear, .refused: refuseConnection()
    case .incomplete: break
    case .end: close()
    case .header(let header):
      awaitsProxyHeader = false
      if let endpoints = header.endpoints { peer = Peer(endpoints) }
      beginStream()
    }
  }

  /// Closes a connection of which nobody knows whose it is: nothing is answered.
  func refuseConnection() {
    takeSlot()
    cut(.proxyHeaderInvalid)
  }

  // MARK: TLS

  func shakeHands() {
    switch stream.handshake() {
    case .done:
      // Let in by what was asked of clients before a reload.
      guard !isOutdated else { return close() }
      secured = stream.securedConnection()
      phase = .reading
      // Behind the handshake a request may have come with the same edge.
      receiving.tryAgain()
      if worker.isDraining { worker.deadlines.linger.arm(self) } else { worker.deadlines.idle.arm(self) }
      readHeads()
    case .wouldBlock: break
    case .left: close()
    case .failed(let reason):
      worker.failedHandshakes.count(reason)
      closeGently()
    }
  }
}
