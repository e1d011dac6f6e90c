import HTTP
import Reason
import Sockets
import TLS
import Testing
import Tokens

@testable import Proxy

/// The head of a response that is good.
private func responseHead(_ text: String, answering method: Method = .get) throws -> (
  head: ResponseHead, bytes: [UInt8]
) {
  let bytes = Array(text.utf8)
  var head = ResponseHead(fieldsMax: 10)
  let isWhole = try ResponseHeadParser.parse(bytes.span, from: 0, limits: HeadLimits(), answering: method, into: &head)
  try #require(isWhole)
  return (head, bytes)
}

@Suite("Answers")
struct ResponseStateTests {
  private enum Step: Equatable {
    case relayInterim, dropInterim, relay, tunnel
    case refuse(Reason)

    init(_ action: ResponseState.Action) {
      switch action {
      case .relayInterim: self = .relayInterim
      case .dropInterim: self = .dropInterim
      case .relay: self = .relay
      case .tunnel: self = .tunnel
      case .refuse(let refusal): self = .refuse(refusal.reason)
      }
    }
  }

  /// A gateway whose exchange waits for its upstream.
  private func waiting(_ lines: String...) throws -> DecidingGateway {
    let gateway = try DecidingGateway()
    let decision = try gateway.send(lines.joined(separator: "\r\n") + "\r\nHost: a.example\r\n\r\n")
    #expect(decision.reason == nil)
    #expect(gateway.exchange.state == .waitingForUpstream)
    return gateway
  }

  @Test("Interim answers are relayed but for 100, which is ours, and for HTTP/1.0 (RFC 9110 §15.2)")
  func interim() throws {
    let gateway = try waiting("GET /pub/a HTTP/1.1")
    #expect(
      Step(gateway.exchange.answered(with: try responseHead("HTTP/1.1 103 Early Hints\r\n\r\n").head)) == .relayInterim)
    #expect(
      Step(gateway.exchange.answered(with: try responseHead("HTTP/1.1 100 Continue\r\n\r\n").head)) == .dropInterim)
    #expect(gateway.exchange.state == .waitingForUpstream)
    #expect(Step(gateway.exchange.answered(with: try responseHead("HTTP/1.1 200 OK\r\n\r\n").head)) == .relay)
    #expect(gateway.exchange.state == .answering)
    #expect(gateway.exchange.response.status == 200)
    let old = try waiting("GET /pub/a HTTP/1.0")
    #expect(
      Step(old.exchange.answered(with: try responseHead("HTTP/1.1 103 Early Hints\r\n\r\n").head)) == .dropInterim)
  }

  @Test("U-2, U-5: 101 was not asked for, and nobody needs more than ten interim answers")
  func badInterim() throws {
    let switching = try waiting("GET /pub/a HTTP/1.1", "Connection: upgrade", "Upgrade: spdy/3")
    #expect(
      Step(switching.exchange.answered(with: try responseHead("HTTP/1.1 101 Switching Protocols\r\n\r\n").head))
        == .refuse(.upstreamAnswerInvalid))
    let patient = try waiting("GET /pub/a HTTP/1.1")
    let hint = try responseHead("HTTP/1.1 103 Early Hints\r\n\r\n").head
    for _ in 0..<10 { #expect(Step(patient.exchange.answered(with: hint)) == .relayInterim) }
    #expect(Step(patient.exchange.answered(with: hint)) == .refuse(.upstreamAnswerInvalid))
  }

  struct Framing: Sendable, CustomTestStringConvertible {
    let version: String
    let response: String
    let framing: BodyFraming
    /// Whether the client's connection, and the upstream's, can carry another exchange.
    let isKept: Bool
    let upstreamPersists: Bool
    var testDescription: String { "HTTP/\(version): \(response.debugDescription)" }
  }

  @Test(
    "RFC 9112 §6.3, §9.3: how an answer is framed for the client, and what becomes of the connections",
    arguments: [
      Framing(
        version: "1.1", response: "1.1 200 OK\r\nContent-Length: 5", framing: .length(5), isKept: true,
        upstreamPersists: true),
      Framing(version: "1.1", response: "1.1 204 No Content", framing: .none, isKept: true, upstreamPersists: true),
      Framing(
        version: "1.1", response: "1.1 200 OK\r\nTransfer-Encoding: chunked", framing: .chunked, isKept: true,
        upstreamPersists: true),
      Framing(version: "1.1", response: "1.0 200 OK", framing: .chunked, isKept: true, upstreamPersists: false),
      Framing(version: "1.1", response: "1.1 200 OK", framing: .chunked, isKept: true, upstreamPersists: false),
      Framing(
        version: "1.1", response: "1.1 200 OK\r\nContent-Length: 5\r\nConnection: close", framing: .length(5),
        isKept: true,
        upstreamPersists: false),
      Framing(
        version: "1.0", response: "1.1 200 OK\r\nTransfer-Encoding: chunked", framing: .untilClose, isKept: false,
        upstreamPersists: true),
      Framing(
        version: "1.0", response: "1.1 200 OK\r\nContent-Length: 5", framing: .length(5), isKept: true,
        upstreamPersists: true),
    ])
  func framing(_ row: Framing) throws {
    let gateway = try waiting("GET /pub/a HTTP/\(row.version)", "Connection: keep-alive")
    _ = gateway.exchange.answered(with: try responseHead("HTTP/\(row.response)\r\n\r\n").head)
    #expect(gateway.exchange.response.framing == row.framing)
    #expect(gateway.exchange.request.persistence == (row.isKept ? .kept : .closed))
    #expect(gateway.exchange.response.upstreamPersists == row.upstreamPersists)
  }

  @Test("H-18: an answer that begins before the request's body has ended ends both connections, and says so")
  func earlyResponse() throws {
    let early = try waiting("POST /pub/a HTTP/1.1", "Content-Length: 5")
    let head = try responseHead("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").head
    _ = early.exchange.answered(with: head)
    #expect(early.exchange.request.persistence == .closed)
    #expect(!early.exchange.response.upstreamPersists)
    // Whether it ends before the response does or after it: the upstream may not have meant that body.
    let step = try early.exchange.requestBodyStep(Array("hello".utf8).span)
    #expect(step.consumed == 5)
    early.exchange.responseEnded()
    #expect(early.exchange.request.persistence == .closed)
    #expect(!early.exchange.response.upstreamPersists)
    #expect(early.exchange.state == .answered)
  }

  @Test(
    "H-18: an answer that begins behind the request's body ends no connection",
    arguments: [ResponseState.Sent.allOfRequest, .partOfRequest])
  func responseBehindBody(sent: ResponseState.Sent) throws {
    let whole = try waiting("POST /pub/a HTTP/1.1", "Content-Length: 5")
    let step = try whole.exchange.requestBodyStep(Array("hello".utf8).span)
    #expect(step.consumed == 5)
    let head = try responseHead("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").head
    _ = whole.exchange.answered(with: head, behind: sent)
    whole.exchange.responseEnded()
    #expect(whole.exchange.request.persistence == .kept)
    // The upstream's does where it has not been sent the body.
    #expect(whole.exchange.response.upstreamPersists == (sent == .allOfRequest))
  }

  @Test("H-15: a refused exchange whose body is still to come ends the connection")
  func refusedWithBody() throws {
    let gateway = try DecidingGateway()
    #expect(try gateway.decide("POST /R", "Content-Length: 5") == .refused(.credentialMissing))
    #expect(gateway.exchange.request.persistence == .closed)
    #expect(try gateway.decide("POST /R", "Content-Length: 0") == .refused(.credentialMissing))
    #expect(gateway.exchange.request.persistence == .kept)
    #expect(try gateway.decide("GET /R;x") == .refused(.pathParameter))
    #expect(gateway.exchange.request.persistence == .closed)
  }

  @Test("An answer that is cut keeps its status, and says why")
  func cut() throws {
    let begun = try waiting("GET /pub/a HTTP/1.1")
    _ = begun.exchange.answered(with: try responseHead("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n").head)
    begun.exchange.cut(.upstreamTruncated)
    #expect(begun.exchange.response.status == 200 && begun.exchange.response.reason == .upstreamTruncated)
    #expect(begun.exchange.request.persistence == .closed)
    let silent = try waiting("GET /pub/a HTTP/1.1")
    silent.exchange.cut(.clientClosed)
    #expect(silent.exchange.response.status == 499)
  }

  @Test("D-3: what is kept of an exchange for its line leaves no more room behind than most lines need")
  func logRoom() {
    let log = ExchangeLog()
    log.keepPath(Array("/short".utf8).span)
    let usual = log.text.capacity
    log.forget()
    #expect(log.text.isEmpty && log.text.capacity == usual)
    log.keepPath([UInt8](repeating: UInt8(ascii: "p"), count: 8000).span)
    log.forget()
    #expect(log.text.capacity <= ExchangeLog.roomBytesMax)
  }

  @Test("An exchange that begins says nothing of the one before")
  func beginsAnew() throws {
    let gateway = try waiting("POST /pub/a HTTP/1.1", "Content-Length: 5", "Expect: 100-continue")
    let before = gateway.exchange.generation
    let requestID = gateway.exchange.requestID
    gateway.exchange.cut(.upstreamTruncated)
    gateway.exchange.begin(startedAt: gateway.context.now, peer: Peer(), in: gateway.context)
    #expect(gateway.exchange.generation == before + 1)
    #expect(gateway.exchange.requestID != requestID)
    #expect(
      gateway.exchange.state == .deciding && gateway.exchange.response.status == 0
        && gateway.exchange.response.reason == nil)
    #expect(gateway.exchange.request.body.isComplete && !gateway.exchange.request.expectsContinue)
  }

  @Test(
    "Nothing that is kept of an exchange outlasts it: a field that is forgotten would show one client's to another",
    arguments: [true, false])
  func keepsNothing(begins: Bool) throws {
    let gateway = try DecidingGateway()
    gateway.secured = SecuredConnection(names: CertificateNames(names: ["a.example"]), thumbprint: nil)
    let token = try Issuer.token("\"sub\":\"alice\"")
    _ = try gateway.forwarded(
      "POST /R?q=1", "Authorization: Bearer \(token)", "Content-Length: 5", "Expect: 100-continue",
      "Accept: text/html")
    gateway.exchange.introspected(.inactive)
    gateway.exchange.renewed(.none)
    gateway.exchange.cut(.upstreamTruncated)
    let used = gateway.exchange
    let fresh = Exchange()
    for exchange in [used, fresh] {
      if begins {
        exchange.begin(startedAt: gateway.context.now, peer: Peer(), in: gateway.context)
      } else {
        exchange.forget()
      }
    }
    // Between two exchanges a slot may hold what is nobody's: a status and a reason.
    let passedOver = ["generation", "requestID"] + (begins ? [] : ["state", "response"])
    let kept = zip(Mirror(reflecting: used).children, Mirror(reflecting: fresh).children)
    for (one, other) in kept where !passedOver.contains(one.label ?? "") {
      #expect("\(one.value)" == "\(other.value)", "\(one.label ?? "")")
    }
  }
}
