import HTTP
import Reason
import TestSupport
import Testing

/// Makes input that is nearly right: only that comes far into a parser.
struct Mutator {
  var random: SeededGenerator
  /// What is put in beside single bytes.
  let pieces: [String]

  mutating func mutated(_ text: String) -> [UInt8] {
    var bytes = Array(text.utf8)
    for _ in 0..<Int.random(in: 1...3, using: &random) {
      let place = Int.random(in: 0...bytes.count, using: &random)
      let end = min(bytes.count, place + Int.random(in: 0...4, using: &random))
      switch Int.random(in: 0..<5, using: &random) {
      case 0: bytes.replaceSubrange(place..<end, with: [UInt8.random(in: .min ... .max, using: &random)])
      case 1: bytes.removeSubrange(place..<end)
      case 2: bytes.insert(contentsOf: bytes[place..<end], at: place)
      case 3: bytes.insert(contentsOf: (pieces.randomElement(using: &random) ?? "").utf8, at: place)
      default: bytes.removeLast(bytes.count - max(place, bytes.count - 3))
      }
    }
    return bytes
  }
}

@Suite("Mutated input")
struct MutationTests {
  static let rounds = 2000

  static let requests = [
    "GET /a/b?c=d HTTP/1.1\r\nHost: example.com\r\nAccept: */*\r\nCookie: a=b; c=d\r\n\r\n",
    "POST http://a:80/ HTTP/1.1\r\nhost: a\r\nContent-Length: 10\r\nConnection: close, x\r\nExpect: 100-continue\r\n\r\n",
    "\r\nPUT / HTTP/1.0\r\nHost: [::1]:8080\r\nTransfer-Encoding: chunked\r\nAuthorization: Bearer x\r\n\r\n",
    "OPTIONS * HTTP/1.1\r\nHost: a.\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
  ]
  static let headPieces = [
    "\r\n", "\n", "\r", " ", "\t", ":", ",", ";", "\u{0}", "\r\n ", "Host: b\r\n", "Content-Length: 5\r\n",
    "Transfer-Encoding: chunked\r\n", "HTTP/1.1", "*", "//", "@", "#", "%", "é",
  ]

  @Test("D-5: a request head is read alike however it arrives, and stays inside its bytes", arguments: 0..<4)
  func requestHeads(index: Int) {
    var mutator = Mutator(random: SeededGenerator(seed: UInt64(index)), pieces: Self.headPieces)
    var seen: Set<String> = []
    for _ in 0..<Self.rounds / 4 {
      let bytes = mutator.mutated(Self.requests[index])
      let whole = requestOutcome(bytes)
      #expect(byteByByte(bytes) { requestOutcome($0) } == whole, "\(bytes)")
      seen.insert(whole.kind)
      guard case .whole(let length) = whole else { continue }
      #expect(length <= bytes.count)
      #expect(requestOutcome(Array(bytes[..<length])) == whole, "what follows a head makes no difference")
      var head = RequestHead(fieldsMax: 10)
      let isWhole = try? RequestHeadParser.parse(bytes.span, from: 0, limits: HeadLimits(), scheme: .http, into: &head)
      #expect(isWhole == true)
      for line in head.fields {
        #expect(line.name.upperBound < line.value.lowerBound || line.value.isEmpty)
        #expect(line.value.upperBound <= length)
        #expect(bytes[line.name.upperBound] == UInt8(ascii: ":"))
        let value = bytes[line.value.lowerBound..<line.value.upperBound]
        #expect(!value.contains { $0 == 0 || $0 == 0x0A || $0 == 0x0D })
      }
      for range in [head.method, head.target, head.path, head.query, head.authority, head.host] {
        #expect(range.upperBound <= length)
      }
      #expect(!head.host.isEmpty && !head.method.isEmpty)
    }
    #expect(seen.count > 5, "\(seen)")
  }

  static let responses = [
    "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nDate: x\r\nConnection: keep-alive\r\n\r\nhello",
    "HTTP/1.0 404 Not Found\r\nServer: x\r\nSet-Cookie: a=b\r\n\r\n",
    "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
  ]

  @Test("D-5: an answer's head is read alike however it arrives", arguments: 0..<3)
  func responseHeads(index: Int) {
    var mutator = Mutator(random: SeededGenerator(seed: UInt64(100 + index)), pieces: Self.headPieces)
    var seen: Set<String> = []
    for _ in 0..<Self.rounds / 4 {
      let bytes = mutator.mutated(Self.responses[index])
      let whole = responseOutcome(bytes)
      #expect(byteByByte(bytes) { responseOutcome($0) } == whole, "\(bytes)")
      seen.insert(whole.kind)
      if case .whole(let length) = whole { #expect(length <= bytes.count) }
    }
    #expect(seen.isSuperset(of: ["whole", "upstream_answer_invalid"]))
  }

  static let bodies = [
    "5\r\nhello\r\n0\r\n\r\nGET /", "a;b=c\r\n0123456789\r\n1;d=\"e\\\"\"\r\nx\r\n0\r\nX: y\r\nZ: \r\n\r\n",
    "0000\r\n\r\n", "FfF\r\nabc",
  ]

  @Test("D-5: a chunked body is decoded alike however it arrives", arguments: 0..<4)
  func chunks(index: Int) {
    let pieces = ["\r\n", "\n", "0\r\n", ";", ";a=b", "\"", "\\", " ", "f", "0", "\u{0}", "X: y\r\n", "Host: a\r\n"]
    var mutator = Mutator(random: SeededGenerator(seed: UInt64(200 + index)), pieces: pieces)
    var faults = 0
    for _ in 0..<Self.rounds / 4 {
      let bytes = mutator.mutated(Self.bodies[index])
      let whole = decode(bytes, .chunked, piece: max(bytes.count, 1))
      #expect(whole.consumed <= bytes.count)
      #expect(whole.data.count <= whole.consumed)
      #expect(!(whole.isComplete && whole.fault != nil))
      if whole.fault != nil { faults += 1 }
      for piece in [1, 3] {
        let inPieces = decode(bytes, .chunked, piece: piece)
        #expect(inPieces.fault == whole.fault && inPieces.isComplete == whole.isComplete, "\(bytes)")
        #expect(inPieces.data == whole.data && inPieces.consumed == whole.consumed, "\(bytes)")
      }
    }
    #expect(faults > 20)
  }

  static let paths = ["/a/%2e%2E/b", "/%c3%a9/x;y//%2F", "/%25/..;/%5c", "/a.b/c-d_~/%41|^[]", "/"]

  @Test("P-1: a canonical path is its own canonical form", arguments: 0..<5)
  func canonicalPaths(index: Int) {
    let pieces = ["/", ".", "..", "%", "%2", "%2f", "%2e", "%25", "%c3", "%a9", ";", "\\", "/../", "%00", "%e2%80%a8"]
    var mutator = Mutator(random: SeededGenerator(seed: UInt64(300 + index)), pieces: pieces)
    var passed = 0
    for _ in 0..<Self.rounds {
      let bytes = mutator.mutated(Self.paths[index])
      guard case .path(let canonical, let traits) = pathOutcome(bytes) else { continue }
      passed += 1
      #expect(pathOutcome(Array(canonical.utf8)) == .path(canonical, traits), "\(canonical)")
      #expect(canonical.hasPrefix("/"))
      #expect(canonical.utf8.count <= max(bytes.count, 1))
      #expect(canonical.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "\\") })
      #expect(traits.contains(.doubleSlash) == canonical.contains("//"))
      #expect(traits.contains(.encodedSlash) == (canonical.contains("%2F") || canonical.contains("%5C")))
      #expect(traits.contains(.parameter) == (canonical.contains(";") || canonical.contains("%3B")))
      // However a server behind us splits it, no segment is `.` or `..`.
      let split = canonical.replacing("%2F", with: "/").replacing("%5C", with: "/").split(separator: "/")
      let names = split.map { $0.replacing("%3B", with: ";").prefix { $0 != ";" } }
      #expect(!names.contains(".") && !names.contains(".."), "\(canonical)")
    }
    #expect(passed > Self.rounds / 20)
  }
}

extension HeadOutcome {
  /// Without numbers, to count what was seen.
  fileprivate var kind: String {
    switch self {
    case .incomplete: "incomplete"
    case .whole: "whole"
    case .refused(let reason): reason.rawValue
    }
  }
}
