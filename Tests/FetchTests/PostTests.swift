import Fetch
import Sockets
import Testing

@Suite("Posting")
struct PostTests {
  /// Sends the requests one after the other, with one fetcher.
  private static func fetch(_ requests: [FetchRequest]) async throws -> [Result<FetchResponse, FetchError>] {
    let loop = try EventLoop(label: "fetch")
    loop.start()
    return await withCheckedContinuation { (done: CheckedContinuation<[Result<FetchResponse, FetchError>], Never>) in
      loop.async {
        do throws(FetchError) {
          Sequence(try Fetcher(loop: loop), requests) { done.resume(returning: $0) }.next()
        } catch {
          done.resume(returning: [.failure(error)])
        }
      }
    }
  }

  private final class Sequence {
    private let fetcher: Fetcher
    private let requests: [FetchRequest]
    private let done: ([Result<FetchResponse, FetchError>]) -> Void
    private var results: [Result<FetchResponse, FetchError>] = []

    init(
      _ fetcher: Fetcher, _ requests: [FetchRequest], done: @escaping ([Result<FetchResponse, FetchError>]) -> Void
    ) {
      self.fetcher = fetcher
      self.requests = requests
      self.done = done
    }

    func next() {
      guard results.count < requests.count else {
        done(results)
        return
      }
      fetcher.fetch(requests[results.count]) { [self] result in
        results.append(result)
        next()
      }
    }
  }

  private static func post(_ server: RecordingServer, _ content: [UInt8]) -> FetchRequest {
    var request = FetchRequest(url: "http://127.0.0.1:\(server.port)/introspect")
    request.method = .post(contentType: "application/x-www-form-urlencoded", content: content)
    return request
  }

  private static let good = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"

  @Test("Content, its type and further fields arrive as they are; nothing is expected before they are sent")
  func content() async throws {
    let server = try RecordingServer(PostTests.good)
    defer { server.stop() }
    // More than 1024 bytes, which libcurl would ask about first.
    let content = [UInt8]("token=a\0b&x=".utf8) + [UInt8](repeating: UInt8(ascii: "x"), count: 60_000)
    var request = PostTests.post(server, content)
    request.fields = [FetchRequest.Field(name: "Authorization", value: "Basic c2VjcmV0")]
    let response = try #require(try await PostTests.fetch([request]).first).get()
    #expect(response.status == 200)
    #expect(response.contentType == "application/json")
    let (head, body) = try PostTests.parts(try #require(server.requests.first))
    #expect(head.hasPrefix("POST /introspect HTTP/1.1\r\n"))
    #expect(head.contains("\r\nAuthorization: Basic c2VjcmV0\r\n"))
    #expect(head.contains("\r\nContent-Type: application/x-www-form-urlencoded"))
    #expect(head.contains("\r\nContent-Length: \(content.count)"))
    #expect(!head.lowercased().contains("\r\nexpect"))
    #expect(Array(body.utf8) == content)
  }

  private static func parts(_ request: String) throws -> (head: String, body: String) {
    let lines = request.split(separator: "\r\n\r\n", maxSplits: 1, omittingEmptySubsequences: false)
    try #require(lines.count == 2)
    return (String(lines[0]), String(lines[1]))
  }

  @Test("Empty content is content")
  func emptyContent() async throws {
    let server = try RecordingServer(PostTests.good)
    defer { server.stop() }
    _ = try #require(try await PostTests.fetch([PostTests.post(server, [])]).first).get()
    #expect(server.requests.first?.hasPrefix("POST /introspect HTTP/1.1\r\n") == true)
    #expect(server.requests.first?.contains("\r\nContent-Length: 0\r\n") == true)
  }

  @Test("Connections are kept where that was asked for, and only there", arguments: [true, false])
  func connections(areKept: Bool) async throws {
    let server = try RecordingServer(PostTests.good)
    defer { server.stop() }
    var request = PostTests.post(server, Array("token=x".utf8))
    request.connection = areKept ? .kept : .closed
    for result in try await PostTests.fetch([request, request, request]) { _ = try result.get() }
    #expect(server.requests.count == 3)
    #expect(server.connections == (areKept ? 1 : 3))
  }

  @Test("A kept connection that the server has closed meanwhile is no failure")
  func closedConnections() async throws {
    let server = try RecordingServer(PostTests.good, then: .closed)
    defer { server.stop() }
    var request = PostTests.post(server, Array("token=x".utf8))
    request.connection = .kept
    for result in try await PostTests.fetch([request, request, request]) { #expect(try result.get().status == 200) }
    #expect(server.requests.count == 3)
  }

  @Test("K-1: a redirect is an answer: nothing is posted anywhere else", arguments: [301, 302, 303, 307, 308])
  func redirect(status: Int) async throws {
    let other = try RecordingServer(PostTests.good)
    defer { other.stop() }
    let server = try RecordingServer(
      "HTTP/1.1 \(status) Moved\r\nLocation: http://127.0.0.1:\(other.port)/\r\nContent-Length: 0\r\n\r\n")
    defer { server.stop() }
    let response = try #require(try await PostTests.fetch([PostTests.post(server, Array("token=x".utf8))]).first).get()
    #expect(response.status == status)
    #expect(other.connections == 0)
  }

  @Test("What would be two lines, or too much, is not sent, and no error says what it was")
  func refused() async throws {
    let server = try RecordingServer(PostTests.good)
    defer { server.stop() }
    var twoLines = PostTests.post(server, [])
    twoLines.fields = [FetchRequest.Field(name: "Authorization", value: "hush\r\nX: y")]
    var typeOfTwoLines = PostTests.post(server, [])
    typeOfTwoLines.method = .post(contentType: "hush\nX: y", content: [])
    let tooLarge = PostTests.post(server, [UInt8](repeating: 0x78, count: FetchRequest.contentBytesMax + 1))
    for result in try await PostTests.fetch([twoLines, typeOfTwoLines, tooLarge]) {
      guard case .failure(let error) = result else {
        Issue.record("\(result)")
        continue
      }
      #expect(error == .requestRefused)
      #expect(!error.description.contains("hush"))
    }
    #expect(server.connections == 0)
  }
}
