import Foundation
import HTTP
import Reason
import Testing

/// Public test data: the folder that `PORTCULLIS_CORPORA` names, or `../shared/corpora`.
enum Corpus {
  static let folder =
    ProcessInfo.processInfo.environment["PORTCULLIS_CORPORA"]
    ?? FileManager.default.currentDirectoryPath + "/../shared/corpora"

  static func has(_ name: String) -> Bool {
    if FileManager.default.fileExists(atPath: "\(folder)/\(name)") { return true }
    print("skipped: no public test data at \(folder)/\(name)")
    return false
  }

  static func read<Case: Decodable>(_ file: String, as type: Case.Type) throws -> [Case] {
    let text = try String(contentsOfFile: "\(folder)/\(file).jsonl", encoding: .utf8)
    return try text.split(separator: "\n").map { try JSONDecoder().decode(type, from: Data($0.utf8)) }
  }
}

@Suite("Corpus of requests", .enabled(if: Corpus.has("http1-requests")))
struct RequestCorpusTests {
  struct Case: Decodable {
    let name: String
    let request: Data
    let expect: String
    let requests: Int
    let requestsMax: Int
    let tail: String

    enum CodingKeys: String, CodingKey {
      case name, expect, requests, tail
      case request = "request_base64"
      case requestsMax = "max_requests"
    }
  }

  /// What a connection makes of a stream of requests.
  struct Stream: Equatable {
    var requests = 0
    var isRefused = false
  }

  /// Reads the stream, of which `piece` bytes more are known each time.
  static func read(_ bytes: [UInt8], piece: Int) -> Stream {
    var stream = Stream()
    var head = RequestHead(fieldsMax: 100)
    var start = 0
    var available = 0
    while start < bytes.count {
      do throws(HeadError) {
        let isWhole = try RequestHeadParser.parse(
          bytes.span.extracting(0..<available), from: start, limits: wideLimits, scheme: .http, into: &head)
        guard isWhole else {
          if available == bytes.count { return stream }
          available = min(available + piece, bytes.count)
          continue
        }
      } catch {
        stream.isRefused = true
        return stream
      }
      start += head.length
      let body = decode(Array(bytes[start...]), head.bodyFraming, piece: piece)
      if body.fault != nil { stream.isRefused = true }
      guard body.isComplete else { return stream }
      stream.requests += 1
      // What stands behind the last request of a connection is nobody's (RFC 9112 §9.6).
      guard head.persistent else { return stream }
      start += body.consumed
      available = max(available, start)
    }
    return stream
  }

  @Test(arguments: [("requests", 300), ("smuggling", 800), ("mutations", 500), ("rfc9112", 150)])
  func agreesWithEveryVerdict(file: String, countMin: Int) throws {
    let cases = try Corpus.read("http1-requests/\(file)", as: Case.self)
    #expect(cases.count >= countMin)
    var refused = 0
    for test in cases {
      let bytes = Array(test.request)
      let stream = Self.read(bytes, piece: bytes.count)
      let inPieces = Self.read(bytes, piece: bytes.count > 1000 ? 61 : 1)
      #expect(inPieces == stream, "\(test.name): in pieces")
      #expect(stream.requests <= test.requestsMax, "\(test.name): smuggled")
      switch test.expect {
      case "accept":
        // More: a gateway may keep an HTTP/1.0 client's connection (RFC 9112 §9.3).
        #expect(stream.requests >= test.requests, "\(test.name)")
        if test.tail.isEmpty { #expect(!stream.isRefused, "\(test.name)") }
      case "reject":
        #expect(stream.isRefused, "\(test.name)")
        #expect(stream.requests <= test.requests, "\(test.name)")
      default: break
      }
      if stream.isRefused { refused += 1 }
    }
    #expect(refused > cases.count / 3, "a parser that refuses nothing would pass the rest")
  }
}

@Suite("Corpus of paths", .enabled(if: Corpus.has("url-paths")))
struct PathCorpusTests {
  struct Case: Decodable {
    let name: String
    let target: String
    let normalized: String?
    let expect: String
  }

  @Test func noTargetIsReadInTwoWays() throws {
    let cases = try Corpus.read("url-paths/cases", as: Case.self)
    #expect(cases.count > 50)
    var passed = 0
    for test in cases {
      var head = RequestHead(fieldsMax: 10)
      let bytes = Array("GET \(test.target) HTTP/1.1\r\nHost: example.com\r\n\r\n".utf8)
      guard (try? RequestHeadParser.parse(bytes.span, from: 0, limits: wideLimits, scheme: .http, into: &head)) == true
      else { continue }
      // Dot segments are refused, where RFC 3986 §5.2.4 would remove them; nothing else is ever removed.
      let isDotted = test.target.prefix { $0 != "?" }.replacing("%2e", with: ".").replacing("%2E", with: ".")
        .split(separator: "/").contains { $0 == "." || $0 == ".." }
      let path = bytes.text(head.path)
      switch pathOutcome(Array(path.utf8)) {
      case .refused(let reason):
        #expect(isDotted ? reason == .pathDotSegment : test.expect != "accept", "\(test.name)")
      case .path(let canonical, let traits):
        passed += 1
        #expect(!isDotted, "\(test.name)")
        if test.expect == "refuse-or-literal" {
          #expect(!traits.isEmpty && canonical.lowercased() == path.lowercased(), "\(test.name)")
        } else {
          #expect(canonical + bytes.text(head.query) == test.normalized, "\(test.name)")
        }
      }
    }
    #expect(passed > 20)
  }
}

@Suite("Corpus of cookies", .enabled(if: Corpus.has("cookies")))
struct CookieCorpusTests {
  struct Case: Decodable {
    let name: String
    let cookie: Data?

    enum CodingKeys: String, CodingKey {
      case name
      case cookie = "cookie_base64"
    }
  }

  @Test func everyPairOfABrowserIsFound() throws {
    let cases = try Corpus.read("cookies/cases", as: Case.self)
    #expect(cases.count > 140)
    var pairs = 0
    for test in cases {
      guard let data = test.cookie, !data.isEmpty else { continue }
      let line = Array(data)
      let whole = ByteRange(0, line.count)
      // Split naively, to compare: a browser writes `; ` between pairs.
      var values: [[UInt8]: [String]] = [:]
      for pair in line.split(separator: UInt8(ascii: ";")) {
        let trimmed = Array(String(decoding: pair, as: UTF8.self).trimming(" \t").utf8)
        guard let equals = trimmed.firstIndex(of: UInt8(ascii: "=")), equals > 0 else { continue }
        values[Array(trimmed[..<equals]), default: []].append(String(decoding: trimmed[(equals + 1)...], as: UTF8.self))
      }
      for (name, held) in values {
        pairs += 1
        let found = CookieLine.find(name, in: line.span, whole)
        if held.count > 1 {
          #expect(found == .repeated, "\(test.name)")
        } else if case .found(let value) = found {
          #expect(line.text(value) == held[0], "\(test.name)")
        } else {
          Issue.record("\(test.name): \(String(decoding: name, as: UTF8.self)) is not found")
        }
        var rest: [UInt8] = []
        CookieLine.writeWithout([name], in: line.span, whole, to: &rest)
        #expect(CookieLine.find(name, in: rest.span, ByteRange(0, rest.count)) == .absent, "\(test.name)")
      }
    }
    #expect(pairs > 100)
  }
}

extension String {
  fileprivate func trimming(_ characters: String) -> String {
    trimmingCharacters(in: CharacterSet(charactersIn: characters))
  }
}
