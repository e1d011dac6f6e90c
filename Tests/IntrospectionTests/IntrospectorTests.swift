import Dispatch
import Fetch
import HTTP
import OAuth
import Reason
import Sockets
import TestSupport
import Testing
import Tokens

@testable import Introspection

/// An introspector without a network: requests are kept until the test answers them.
private final class Desk {
  private(set) var sent: [(token: String, answer: (Result<FetchResponse, FetchError>) -> Void)] = []
  private(set) var results: [String] = []
  private(set) var events: [String] = []
  private var introspector: Introspector?

  init(_ loop: EventLoop, _ folder: TemporaryFolder) throws {
    let path = try folder.write("secret", Array("secret".utf8))
    introspector = try Introspector(
      .example(.secretFile(path)), loop: loop,
      fetch: { [unowned self] request, completion in
        guard case .post(_, let content) = request.method else { return }
        let token = String(decoding: content, as: UTF8.self).dropFirst(6).prefix { $0 != "&" }
        sent.append((String(token), completion))
      },
      report: { [unowned self] event in
        switch event {
        case .failed(_, let fault, _, _): events.append("\(fault)")
        case .recovered: events.append("recovered")
        }
      })
  }

  func ask(_ token: String, from client: String? = nil) {
    introspector?.introspect(Array(token.utf8), client: client.flatMap { IPAddress($0) }) { [unowned self] result in
      switch result {
      case .active: results.append("\(token) active")
      case .inactive: results.append("\(token) inactive")
      case .refused(let error): results.append("\(token) \(error.reason.rawValue)")
      case .unavailable: results.append("\(token) unavailable")
      }
    }
  }

  func answer(_ result: Result<FetchResponse, FetchError> = .inactive, at place: Int = 0) {
    sent.remove(at: place).answer(result)
  }
  func takeResults() -> [String] {
    defer { results = [] }
    return results
  }
  func stop() { introspector?.stop() }
}

extension Result<FetchResponse, FetchError> {
  fileprivate static var inactive: Self { said(#"{"active": false}"#) }
  fileprivate static func said(_ body: String, status: Int = 200) -> Self {
    .success(FetchResponse(status: status, body: Array(body.utf8), contentType: "application/json"))
  }
}

@Suite("Asking an endpoint")
struct IntrospectorTests {
  private static func with(_ body: (Desk) throws -> Void) throws {
    let loop = try EventLoop(label: "introspector")
    let folder = try TemporaryFolder()
    try loop.queue.sync { try body(try Desk(loop, folder)) }
  }

  @Test("The same token asked by several at once is one question")
  func coalescing() throws {
    try Self.with { desk in
      for _ in 0..<5 { desk.ask("a") }
      desk.ask("b")
      #expect(desk.sent.map(\.token) == ["a", "b"])
      desk.answer()
      #expect(desk.takeResults() == Array(repeating: "a inactive", count: 5))
      // Nothing is remembered here.
      desk.ask("a")
      #expect(desk.sent.map(\.token) == ["b", "a"])
    }
  }

  @Test("64 questions are under way, 1024 more wait, and what is more is refused at once")
  func bounds() throws {
    try Self.with { desk in
      for number in 0..<64 + 1024 { desk.ask("t\(number)") }
      #expect(desk.sent.count == 64)
      #expect(desk.results.isEmpty)
      desk.ask("more")
      #expect(desk.takeResults() == ["more unavailable"])
      // One who asks what is asked already makes no question.
      desk.ask("t0")
      desk.ask("t100")
      #expect(desk.results.isEmpty)
      desk.answer()
      #expect(desk.takeResults() == ["t0 inactive", "t0 inactive"])
      #expect(desk.sent.count == 64)
      #expect(desk.sent.last?.token == "t64")
      desk.ask("again")
      desk.ask("no more")
      #expect(desk.takeResults() == ["no more unavailable"])
      var asked: [String] = []
      while let next = desk.sent.first {
        #expect(desk.sent.count <= 64)
        asked.append(next.token)
        desk.answer()
      }
      #expect(asked == (1..<64 + 1024).map { "t\($0)" } + ["again"])
      #expect(desk.takeResults().count == 1087 + 1 + 1)
    }
  }

  @Test(
    "Of what is under way and of what waits a client has its share, an IPv6 address with its /64",
    arguments: [
      ("203.0.113.1", "203.0.113.1", "203.0.113.2"), ("2001:db8::1", "2001:db8::2", "2001:db8:0:1::1"),
    ])
  func shares(own: String, same: String, foreign: String) throws {
    try Self.with { desk in
      for round in 0..<2 {
        for number in 0..<16 + 128 { desk.ask("\(round)t\(number)", from: own) }
        #expect(desk.results.isEmpty && desk.sent.count == 16)
        desk.ask("\(round)more", from: same)
        #expect(desk.takeResults() == ["\(round)more unavailable"])
        // What is asked already is no further question, whoever asks.
        desk.ask("\(round)t140", from: same)
        // Others are asked about at once.
        desk.ask("\(round)other", from: foreign)
        desk.ask("\(round)socket")
        #expect(desk.results.isEmpty && desk.sent.suffix(2).map(\.token) == ["\(round)other", "\(round)socket"])
        // One that has ended makes room for one that waits.
        desk.answer()
        #expect(desk.sent.last?.token == "\(round)t16")
        desk.ask("\(round)next", from: same)
        desk.ask("\(round)last", from: same)
        #expect(desk.takeResults() == ["\(round)t0 inactive", "\(round)last unavailable"])
        while !desk.sent.isEmpty { desk.answer() }
        let results = desk.takeResults()
        #expect(results.count == 16 + 128 - 1 + 4 && results.allSatisfy { $0.hasSuffix("inactive") })
      }
    }
  }

  @Test("Who waits is passed over while their share is under way, and keeps their place")
  func passedOver() throws {
    try Self.with { desk in
      for client in 1...4 {
        for number in 0..<16 + 2 { desk.ask("\(client)t\(number)", from: "203.0.113.\(client)") }
      }
      #expect(desk.sent.count == 64)
      desk.ask("new", from: "203.0.113.5")
      desk.ask("newer", from: "203.0.113.5")
      // One of the third client's: those of the first two, who came before, are passed over.
      desk.answer(at: 32)
      #expect(desk.sent.last?.token == "3t16")
      desk.answer(at: 0)
      #expect(desk.sent.last?.token == "1t16")
      desk.answer(at: 0)
      #expect(desk.sent.last?.token == "1t17")
      desk.answer(at: 0)
      #expect(desk.sent.last?.token == "new")
      desk.answer(at: 0)
      #expect(desk.sent.last?.token == "newer")
      while !desk.sent.isEmpty { desk.answer() }
      #expect(desk.takeResults().count == 4 * 18 + 2)
    }
  }

  @Test(
    "Whatever is no good answer is none",
    arguments: [
      Result<FetchResponse, FetchError>.failure(.timedOut(.seconds(5))), .said("{}"), .said("<html>"),
      .said(#"{"active": true}"#, status: 500), .said("", status: 302), .said(#"{"active": "true"}"#),
    ])
  func unavailable(answer: Result<FetchResponse, FetchError>) throws {
    try Self.with { desk in
      desk.ask("a")
      desk.answer(answer)
      #expect(desk.takeResults() == ["a unavailable"])
      #expect(desk.events.count == 1)
      desk.ask("a")
      desk.answer()
      #expect(desk.takeResults() == ["a inactive"])
      #expect(desk.events.last == "recovered")
    }
  }

  @Test("After failures nothing is sent and everyone is answered at once, those who wait included")
  func circuit() throws {
    try Self.with { desk in
      for number in 0..<64 + 10 { desk.ask("t\(number)") }
      for _ in 0..<CircuitBreaker.failuresMax { desk.answer(.said("", status: 503)) }
      #expect(desk.takeResults().count == CircuitBreaker.failuresMax + 10 - (CircuitBreaker.failuresMax - 1))
      let under = desk.sent.count
      desk.ask("new")
      #expect(desk.takeResults() == ["new unavailable"])
      #expect(desk.sent.count == under)
      #expect(desk.events == ["the response has status 503, not 200"])
      // A response to what was sent before closes it again.
      desk.answer()
      #expect(desk.events == ["the response has status 503, not 200", "recovered"])
      desk.ask("new")
      #expect(desk.sent.last?.token == "new")
    }
  }

  @Test(
    "A token that the issuer answers so stops no other",
    arguments: [
      Result<FetchResponse, FetchError>.said(#"{"error": "invalid_request"}"#, status: 400), .said("", status: 404),
      .said("", status: 422), .said("", status: 500), .failure(.bodyTooLarge(bytesMax: 64 * 1024)),
      .said(#"{"active": true, "x": 1, "x": 2}"#),
      .said(#"{"active": true, "nickname": "\ud800"}"#),
      .said(#"{"active": true, "x": "# + String(repeating: "[", count: 20) + String(repeating: "]", count: 20) + "}"),
    ])
  func oneToken(answer: Result<FetchResponse, FetchError>) throws {
    try Self.with { desk in
      for number in 0..<20 {
        desk.ask("t\(number)")
        desk.answer(answer)
        #expect(desk.takeResults() == ["t\(number) unavailable"])
      }
      #expect(desk.events.count == 1)
      desk.ask("good")
      #expect(desk.sent.map(\.token) == ["good"])
    }
  }

  @Test(
    "An issuer that answers so is spared",
    arguments: [
      Result<FetchResponse, FetchError>.failure(.timedOut(.seconds(5))), .said("", status: 401),
      .said("", status: 403), .said("", status: 408), .said("", status: 429), .said("", status: 502),
      .said("", status: 503), .said("", status: 504),
      .success(FetchResponse(status: 200, body: Array("<html>".utf8), contentType: "text/html")),
    ])
  func spared(answer: Result<FetchResponse, FetchError>) throws {
    try Self.with { desk in
      for number in 0..<CircuitBreaker.failuresMax {
        desk.ask("t\(number)")
        desk.answer(answer)
      }
      desk.ask("good")
      #expect(desk.sent.isEmpty)
      #expect(desk.takeResults().last == "good unavailable")
    }
  }

  @Test("After stop nobody is told anything")
  func stop() throws {
    try Self.with { desk in
      desk.ask("a")
      desk.stop()
      desk.answer()
      #expect(desk.results.isEmpty)
    }
  }
}
