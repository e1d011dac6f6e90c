import HTTP
import Reason

/// How far the upstream's response has come, and how the client gets it.
struct ResponseState {
  /// How a head of the upstream's changes the exchange.
  enum Action {
    /// Relay it, and read another head.
    case relayInterim
    /// Drop it (100: we said it ourselves), and read another head.
    case dropInterim
    case relay
    /// Relay it, and then bytes in both directions.
    case tunnel
    case refuse(RefusalResponse)
  }

  enum HeadKind {
    case ordinary
    /// It is the `101` that was asked for.
    case switching
  }

  /// What the upstream was sent before it answered, of what the client has sent.
  enum Sent { case allOfRequest, partOfRequest }

  var body = BodyDecoder(.none)
  /// Of the body that the client gets.
  private(set) var framing = BodyFraming.none
  /// Whether the upstream's connection can carry another exchange.
  private(set) var upstreamPersists = false
  private var interimHeads = 0
  /// What the client is told; 0: nothing yet.
  var status = 0
  /// Of the upstream's response; nil: it is not there, or another one was given.
  var upstreamStatus: Int?
  /// Why the request was refused, or its response was cut; nil: neither.
  var reason: Reason?

  /// Takes the next head.
  ///
  /// - Parameter version: The client's.
  mutating func take(_ head: borrowing ResponseHead, _ kind: HeadKind, for version: HTTPVersion) -> Action {
    if kind == .switching { return .tunnel }
    if head.status < 200 {
      interimHeads += 1
      // 101 was not asked for (RFC 9110 §15.2.2), and nobody needs that many (SECURITY U-2).
      if head.status == 101 || interimHeads > Limits.interimResponsesMax {
        return .refuse(RefusalResponse(.upstreamAnswerInvalid))
      }
      return head.status == 100 || version == .http10 ? .dropInterim : .relayInterim
    }
    upstreamPersists = head.persistent && head.bodyFraming != .untilClose
    body = BodyDecoder(head.bodyFraming)
    switch head.bodyFraming {
    case .none, .length: framing = head.bodyFraming
    case .chunked, .untilClose:
      // HTTP/1.0 knows no chunks: the end of the connection is the end of the body (RFC 9112 §6.3).
      framing = version == .http11 ? .chunked : .untilClose
    }
    return .relay
  }

  /// The upstream's connection carries nothing else.
  mutating func upstreamEnds() { upstreamPersists = false }
}
