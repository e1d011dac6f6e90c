import HTTP
import Reason
import Sockets
import TLS
import Testing
import Tokens

@testable import Proxy

/// The head of an answer that is good.
private func answerHead(_ text: String, answering method: Method = .get) throws -> (head: ResponseHead, bytes: [UInt8])
{
  let bytes = Array(text.utf8)
  var head = ResponseHead(fieldsMax: 10)
  let isWhole = try ResponseHeadParser.parse(bytes.span, from: 0, limits: HeadLimits(), answering: method, into: &head)
  try #require(isWhole)
  return (head, bytes)
}

@Suite("Answers")
struct AnswerTests {
  private enum Step: Equatable {
    case relayInterim, dropInterim, relay, tunnel
    case refuse(Reason)

    init(_ action: AnswerState.Action) {
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
      Step(gateway.exchange.answered(with: try answerHead("HTTP/1.1 103 Early Hints\r\n\r\n").head)) == .relayInterim)
    #expect(Step(gateway.exchange.answered(with: try answerHead("HTTP/1.1 100 Continue\r\n\r\n").head)) == .dropInterim)
    #expect(gateway.exchange.state == .waitingForUpstream)
    #expect(Step(gateway.exchange.answered(with: try answerHead("HTTP/1.1 200 OK\r\n\r\n").head)) == .relay)
    #expect(gateway.exchange.state == .answering)
    #expect(gateway.exchange.answer.status == 200)
    let old = try waiting("GET /pub/a HTTP/1.0")
    #expect(Step(old.exchange.answered(with: try answerHead("HTTP/1.1 103 Early Hints\r\n\r\n").head)) == .dropInterim)
  }

  @Test("U-2, U-5: 101 was not asked for, and nobody needs more than ten interim answers")
  func badInterim() throws {
    let switching = try waiting("GET /pub/a HTTP/1.1", "Connection: upgrade", "Upgrade: spdy/3")
    #expect(
      Step(switching.exchange.answered(with: try answerHead("HTTP/1.1 101 Switching Protocols\r\n\r\n").head))
        == .refuse(.upstreamAnswerInvalid))
    let patient = try waiting("GET /pub/a HTTP/1.1")
    let hint = try answerHead("HTTP/1.1 103 Early Hints\r\n\r\n").head
    for _ in 0..<10 { #expect(Step(patient.exchange.answered(with: hint)) == .relayInterim) }
    #expect(Step(patient.exchange.answered(with: hint)) == .refuse(.upstreamAnswerInvalid))
  }

  struct Framing: Sendable, CustomTestStringConvertible {
    let version: String
    let answer: String
    let framing: BodyFraming
    /// Whether the client's connection, and the upstream's, can carry another exchange.
    let isKept: Bool
    let upstreamPersists: Bool
    var testDescription: String { "HTTP/\(version): \(answer.debugDescription)" }
  }

  @Test(
    "RFC 9112 §6.3, §9.3: how an answer is framed for the client, and what becomes of the connections",
    arguments: [
      Framing(
        version: "1.1", answer: "1.1 200 OK\r\nContent-Length: 5", framing: .length(5), isKept: true,
        upstreamPersists: true),
      Framing(version: "1.1", answer: "1.1 204 No Content", framing: .none, isKept: true, upstreamPersists: true),
      Framing(
        version: "1.1", answer: "1.1 200 OK\r\nTransfer-Encoding: chunked", framing: .chunked, isKept: true,
        upstreamPersists: true),
      Framing(version: "1.1", answer: "1.0 200 OK", framing: .chunked, isKept: true, upstreamPersists: false),
      Framing(version: "1.1", answer: "1.1 200 OK", framing: .chunked, isKept: true, upstreamPersists: false),
      Framing(
        version: "1.1", answer: "1.1 200 OK\r\nContent-Length: 5\r\nConnection: close", framing: .length(5),
        isKept: true,
        upstreamPersists: false),
      Framing(
        version: "1.0", answer: "1.1 200 OK\r\nTransfer-Encoding: chunked", framing: .untilClose, isKept: false,
        upstreamPersists: true),
      Framing(
        version: "1.0", answer: "1.1 200 OK\r\nContent-Length: 5", framing: .length(5), isKept: true,
        upstreamPersists: true),
    ])
  func framing(_ row: Framing) throws {
    let gateway = try waiting("GET /pub/a HTTP/\(row.version)", "Connection: keep-alive")
    _ = gateway.exchange.answered(with: try answerHead("HTTP/\(row.answer)\r\n\r\n").head)
    #expect(gateway.exchange.answer.framing == row.framing)
    #expect(gateway.exchange.request.persistence == (row.isKept ? .kept : .closed))
    #expect(gateway.exchange.answer.upstreamPersists == row.upstreamPersists)
  }

  @Test("H-18: an answer that begins before the request's body has ended ends both connections, and says so")
  func earlyAnswer() throws {
    let early = try waiting("POST /pub/a HTTP/1.1", "Content-Length: 5")
    let head = try answerHead("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").head
    _ = early.exchange.answered(with: head)
    #expect(early.exchange.request.persistence == .closed)
    #expect(!early.exchange.answer.upstreamPersists)
    // Whether it ends before the answer does or after it: the upstream may not have meant that body.
    let step = try early.exchange.requestBodyStep(Array("hello".utf8).span)
    #expect(step.consumed == 5)
    early.exchange.answerEnded()
    #expect(early.exchange.request.persistence == .closed)
    #expect(!early.exchange.answer.upstreamPersists)
    #expect(early.exchange.state == .answered)
  }

  @Test(
    "H-18: an answer that begins behind the request's body ends no connection",
    arguments: [AnswerState.Sent.allOfRequest, .partOfRequest])
  func answerBehindBody(sent: AnswerState.Sent) throws {
    let whole = try waiting("POST /pub/a HTTP/1.1", "Content-Length: 5")
    let step = try whole.exchange.requestBodyStep(Array("hello".utf8).span)
    #expect(step.consumed == 5)
    let head = try answerHead("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").head
    _ = whole.exchange.answered(with: head, behind: sent)
    whole.exchange.answerEnded()
    #expect(whole.exchange.request.persistence == .kept)
    // The upstream's does where it has not been sent the body.
    #expect(whole.exchange.answer.upstreamPersists == (sent == .allOfRequest))
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
    _ = begun.exchange.answered(with: try answerHead("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n").head)
    begun.exchange.cut(.upstreamTruncated)
    #expect(begun.exchange.answer.status == 200 && begun.exchange.answer.reason == .upstreamTruncated)
    #expect(begun.exchange.request.persistence == .closed)
    let silent = try waiting("GET /pub/a HTTP/1.1")
    silent.exchange.cut(.clientClosed)
    #expect(silent.exchange.answer.status == 499)
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
      gateway.exchange.state == .deciding && gateway.exchange.answer.status == 0
        && gateway.exchange.answer.reason == nil)
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
    let passedOver = ["generation", "requestID"] + (begins ? [] : ["state", "answer"])
    let kept = zip(Mirror(reflecting: used).children, Mirror(reflecting: fresh).children)
    for (one, other) in kept where !passedOver.contains(one.label ?? "") {
      #expect("\(one.value)" == "\(other.value)", "\(one.label ?? "")")
    }
  }
}
