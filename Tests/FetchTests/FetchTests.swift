import Fetch
import Sockets
import Synchronization
import Testing

@Suite("Fetching")
struct FetchTests {
  /// Loops live as long as the tests: what libdispatch still has to run may name them.
  private static let loops = Mutex<[EventLoop]>([])

  private static func fetch(_ request: FetchRequest) async throws -> Result<FetchResponse, FetchError> {
    let loop = try EventLoop(label: "fetch")
    loops.withLock { $0.append(loop) }
    loop.start()
    let result = await withCheckedContinuation {
      (done: CheckedContinuation<Result<FetchResponse, FetchError>, Never>) in
      loop.async {
        do throws(FetchError) {
          let fetcher = try Fetcher(loop: loop)
          // Held until the response is there.
          fetcher.fetch(request) { result in
            done.resume(returning: result)
            withExtendedLifetime(fetcher) {}
          }
        } catch {
          done.resume(returning: .failure(error))
        }
      }
    }
    return result
  }

  private static func fetch(
    answering response: String, endlessly: Bool = false, pause: UInt32 = 0, timeout: Duration = .seconds(10)
  ) async throws -> Result<FetchResponse, FetchError> {
    let server = try OneResponseServer(Array(response.utf8), endlessly: endlessly, pause: pause)
    defer { server.stop() }
    return try await fetch(FetchRequest(url: "http://127.0.0.1:\(server.port)/keys", timeout: timeout))
  }

  private static func failure(_ result: Result<FetchResponse, FetchError>) -> FetchError? {
    if case .failure(let error) = result { return error }
    return nil
  }

  @Test("A good answer, with its entity tag")
  func goodResponse() async throws {
    let result = try await FetchTests.fetch(
      answering: "HTTP/1.1 200 OK\r\nETag: \"v1\"\r\nContent-Length: 2\r\n\r\n{}")
    let response = try result.get()
    #expect(response.status == 200)
    #expect(response.body == Array("{}".utf8))
    #expect(response.entityTag == "\"v1\"")
  }

  @Test("RFC 9111: how long the answer stays fresh; what an interim answer said is not of it")
  func freshness() async throws {
    let interim = "HTTP/1.1 103 Early Hints\r\nETag: \"early\"\r\nCache-Control: no-store\r\nAge: 900\r\n\r\n"
    let fields = "cache-control:max-age=300  \r\nCache-Control: public\r\nAge: 100\r\nContent-Length: 2\r\n\r\n{}"
    let response = try await FetchTests.fetch(answering: interim + "HTTP/1.1 200 OK\r\n" + fields).get()
    #expect(response.freshness == .fresh(.seconds(200)))
    #expect(response.entityTag == nil)
    let plain = try await FetchTests.fetch(answering: "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}").get()
    #expect(plain.freshness == .unsaid)
  }

  @Test(
    "RFC 9110 §10.2.3: how long a server asks to be left alone, in seconds or as a date",
    arguments: [
      ("120", 120), ("0", 0), ("Fri, 31 Dec 2100 23:59:59 GMT", 4_133_980_799),
      ("Sun Nov  6 08:49:37 1994", 0), ("Sun, 06 Nov 1994 08:49:37 GMT", 0),
      ("soon", nil), ("-1", nil), ("1.5", nil), ("", nil),
    ] as [(String, Int64?)])
  func retryAfter(value: String, expected: Int64?) async throws {
    let before = WallClock.seconds
    let fields = "Retry-After: \(value)\r\nContent-Length: 0\r\n\r\n"
    let interim = "HTTP/1.1 103 Early Hints\r\nRetry-After: 77\r\n\r\n"
    let response = try await FetchTests.fetch(answering: interim + "HTTP/1.1 503 No\r\n" + fields).get()
    #expect(response.status == 503)
    guard let expected, expected > 1 << 30 else {
      #expect(response.retryAfter == expected.map { .seconds($0) })
      return
    }
    // A moment: it is as far away as the clock says.
    let seconds = try #require(response.retryAfter).components.seconds
    #expect((expected - WallClock.seconds...expected - before).contains(seconds))
  }

  @Test("A body that is cut off")
  func cutBody() async throws {
    let result = try await FetchTests.fetch(answering: "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{}")
    guard case .failure(.failed) = result else {
      Issue.record("\(result)")
      return
    }
  }

  @Test("K-1: a redirect is an answer and is not followed")
  func redirect() async throws {
    let result = try await FetchTests.fetch(
      answering: "HTTP/1.1 302 Found\r\nLocation: file:///etc/passwd\r\nContent-Length: 0\r\n\r\n")
    let response = try result.get()
    #expect(response.status == 302)
    #expect(response.body.isEmpty)
  }

  @Test(
    "K-1: addresses that are not fetched",
    arguments: [
      "file:///etc/passwd", "http://192.0.2.1/keys", "http://169.254.169.254/latest", "ftp://127.0.0.1/", "gopher://x/",
      "http://user@127.0.0.1/", "http://127.0.0.1.example.com/", "http://localhost.example.com/", "127.0.0.1", "",
      "http://127.+1.0.1/", "http://127.0.0.1@evil.example/", "http://127.0.0.1%2Eevil.example/",
      "http://127.0.0.1.evil/",
      "http://0.0.0.0/", "http://[::ffff:192.0.2.1]/", "http://128.0.0.1/", "http://127.0.0.256/",
      "https://user:password@idp.example/", "https://", "http:127.0.0.1", " http://127.0.0.1/", "http://127.0.0.1\n.x/",
    ])
  func refusedAddress(url: String) async throws {
    let result = try await FetchTests.fetch(FetchRequest(url: url))
    #expect(FetchTests.failure(result) == .addressRefused)
  }

  @Test("K-2: a body that is said to be too large")
  func announcedSize() async throws {
    let result = try await FetchTests.fetch(answering: "HTTP/1.1 200 OK\r\nContent-Length: 104857600\r\n\r\nx")
    #expect(FetchTests.failure(result) == .bodyTooLarge(bytesMax: 512 * 1024))
  }

  @Test("K-2: a body without an end")
  func endlessBody() async throws {
    let result = try await FetchTests.fetch(
      answering: "HTTP/1.1 200 OK\r\nX: " + String(repeating: "x", count: 40) + "\r\n\r\n"
        + String(repeating: "y", count: 65_536), endlessly: true)
    #expect(FetchTests.failure(result) == .bodyTooLarge(bytesMax: 512 * 1024))
  }

  @Test("K-2: a head without an end")
  func endlessHead() async throws {
    let result = try await FetchTests.fetch(
      answering: "HTTP/1.1 200 OK\r\n" + String(repeating: "X-Field: value\r\n", count: 8192))
    #expect(FetchTests.failure(result) == .headTooLarge)
  }

  @Test("K-2: a body that drips")
  func drippingBody() async throws {
    let result = try await FetchTests.fetch(
      answering: "HTTP/1.1 200 OK\r\n\r\n", endlessly: true, pause: 20_000, timeout: .milliseconds(300))
    #expect(FetchTests.failure(result) == .timedOut(.milliseconds(300)))
  }

  @Test("K-2: a content coding")
  func contentCoding() async throws {
    let result = try await FetchTests.fetch(
      answering: "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}")
    #expect(FetchTests.failure(result) == .contentCoded)
  }

  @Test("RFC 9110 §8.4.1: no content coding", arguments: ["", " ", "identity ", "Identity\t"])
  func noContentCoding(coding: String) async throws {
    let result = try await FetchTests.fetch(
      answering: "HTTP/1.1 200 OK\r\nContent-Encoding: \(coding)\r\nContent-Length: 2\r\n\r\n{}")
    #expect(try result.get().body == Array("{}".utf8))
  }

  @Test("Nobody there")
  func nobodyThere() async throws {
    let server = try OneResponseServer([])
    server.stop()
    let result = try await FetchTests.fetch(FetchRequest(url: "http://127.0.0.1:\(server.port)/"))
    guard case .failure(.failed) = result else {
      Issue.record("\(result)")
      return
    }
  }
}
