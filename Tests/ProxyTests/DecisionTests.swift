import Access
import HTTP
import Keys
import Reason
import Sockets
import Testing

@testable import Keys
@testable import Proxy

@Suite("Decisions")
struct DecisionTests {
  struct Refused: Sendable, CustomTestStringConvertible {
    let line: String
    let reason: Reason
    var testDescription: String { "\(line): \(reason.rawValue)" }

    init(_ line: String, _ reason: Reason) {
      self.line = line
      self.reason = reason
    }
  }

  @Test(
    "P-2 to P-8: a path that can be read in two ways is refused, whatever its route is",
    arguments: [
      Refused("GET /pub/../R", .pathDotSegment), Refused("GET /pub/%2e%2e/R", .pathDotSegment),
      Refused("GET /pub%2fR", .pathEncodedSlash), Refused("GET /pub/..%5cR", .pathDotSegment),
      Refused("GET /pub/a%5cR", .pathEncodedSlash), Refused("GET /pub\\R", .pathBackslash),
      Refused("GET //R", .pathDoubleSlash), Refused("GET /pub//R", .pathDoubleSlash),
      Refused("GET /R;x=1", .pathParameter), Refused("GET /R%3bx", .pathParameter),
      Refused("GET /pub/;", .pathParameter),
      Refused("GET /pub/\"", .pathCharacterInvalid), Refused("GET /R%00", .pathEscapeInvalid),
      Refused("GET /%252e%252e/R", .pathDoubleEncoding), Refused("GET /kept/..;/R", .pathDotSegment),
      Refused("GET /kept/..%2fR", .pathDotSegment),
    ])
  func badPath(_ row: Refused) throws {
    #expect(try DecidingGateway().decide(row.line) == .refused(row.reason))
  }

  @Test(
    "P-10, P-13: what no route matches is not found",
    arguments: [
      "GET /", "GET /public", "GET /r", "GET /R/x", "POST /get", "get /get", "FOO /get", "OPTIONS *", "GET /pub%20/a",
    ])
  func noRoute(line: String) throws {
    #expect(try DecidingGateway().decide(line) == .refused(.noRoute))
  }

  @Test(
    "P-9, P-12: the rule is that of the canonical path, and the query changes nothing",
    arguments: [
      "GET /R", "GET /R/", "GET /%52", "GET /R?/pub/", "GET http://a.example/R", "HEAD /R", "GET /%52?%2e%2e/pub",
    ])
  func canonicalRule(line: String) throws {
    #expect(try DecidingGateway().decide(line) == .refused(.credentialMissing))
  }

  @Test(
    "P-16: fields that rewrite a target in other servers steer nothing",
    arguments: ["X-Original-URL", "X-Rewrite-URL", "X-Forwarded-Uri", "X-Forwarded-Prefix", "X-Original-URI"])
  func steeringFields(name: String) throws {
    let gateway = try DecidingGateway()
    #expect(try gateway.decide("GET /R", "\(name): /pub/a") == .refused(.credentialMissing))
    let head = try gateway.forwarded("GET /pub/a", "\(name): /R", name.replacing("-", with: "_") + ": /R")
    #expect(head.requestLine == "GET /pub/a HTTP/1.1")
    #expect(!head.text.contains("/R\r\n"))
  }

  @Test(
    "P-16: a method cannot be overridden", arguments: ["X-HTTP-Method-Override", "x-http-method", "X-Method-Override"])
  func methodOverride(name: String) throws {
    let gateway = try DecidingGateway()
    #expect(try gateway.decide("POST /get", "\(name): GET") == .refused(.noRoute))
    let head = try gateway.forwarded("GET /get", "\(name): POST")
    #expect(!head.text.contains("POST"))
  }

  @Test("P-11, P-14: a host's case, port and last dot make no difference; a path's case does")
  func hosts() throws {
    let gateway = try DecidingGateway(
      routes: "  - { path: /R, host: a.example, auth: none, upstream: echo }\n")
    for host in ["a.example", "A.EXAMPLE", "a.example.:443", "a.example:8080"] {
      let decision = try gateway.send("GET /R HTTP/1.1\r\nHost: \(host)\r\n\r\n")
      #expect(decision.reason == nil, "\(host)")
    }
    #expect(try gateway.send("GET /R HTTP/1.1\r\nHost: b.example\r\n\r\n") == .refused(.noRoute))
    #expect(try gateway.decide("GET /r") == .refused(.noRoute))
  }

  @Test("D-2: a body is bounded by its route, before it comes where its length is said")
  func bodyLimit() throws {
    let gateway = try DecidingGateway()
    #expect(try gateway.decide("POST /small", "Content-Length: 5").reason == nil)
    #expect(try gateway.decide("POST /small", "Content-Length: 6") == .refused(.bodyTooLarge))
    #expect(try gateway.decide("POST /pub/a", "Content-Length: 6").reason == nil)
    #expect(try gateway.decide("POST /small", "Transfer-Encoding: chunked").reason == nil)
    var left = Array("5\r\nhello\r\n1\r\nx\r\n".utf8)
    var fault: Reason?
    while fault == nil, !left.isEmpty {
      do throws(BodyFault) {
        let step = try gateway.exchange.requestBodyStep(left.span)
        left.removeFirst(step.consumed)
      } catch {
        fault = error.reason
      }
    }
    #expect(fault == .bodyTooLarge)
    #expect(left == Array("x\r\n".utf8) || left == Array("1\r\nx\r\n".utf8), "the sixth byte is too much")
  }

  private final class Silent: Responder, Sendable {
    func respond(to request: LocalRequest, completion: @escaping @Sendable (LocalResponse) -> Void) {}
  }

  @Test("The gateway's own paths are asked before the routes, by canonical path and host")
  func responders() throws {
    let local = LocalRoute(OwnPath(host: "a.example", path: "/pub/keys"), responder: Silent())
    let gateway = try DecidingGateway(responders: [local])
    #expect(try gateway.decide("GET /pub/keys") == .asked)
    #expect(gateway.exchange.state == .waitingForResponder)
    #expect(try gateway.decide("GET /pub/%6beys?x") == .asked)
    #expect(try gateway.send("GET /pub/keys HTTP/1.1\r\nHost: A.Example:80\r\n\r\n") == .asked)
    #expect(try gateway.decide("GET /pub/keys/") != .asked)
    #expect(try gateway.send("GET /pub/keys HTTP/1.1\r\nHost: b.example\r\n\r\n") != .asked)
    #expect(try gateway.decide("GET /pub/../pub/keys") == .refused(.pathDotSegment))
  }

  @Test("H-16: a request that waits for 100 Continue is refused without it, and the connection ends")
  func expectation() throws {
    let gateway = try DecidingGateway()
    #expect(try gateway.decide("POST /R", "Expect: 100-continue", "Content-Length: 3") == .refused(.credentialMissing))
    #expect(gateway.exchange.request.persistence == .closed)
    #expect(try gateway.decide("GET /R") == .refused(.credentialMissing))
    #expect(gateway.exchange.request.persistence == .kept)
  }
}
