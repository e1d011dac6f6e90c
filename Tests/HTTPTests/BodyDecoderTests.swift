import HTTP
import Reason
import Testing

/// What became of a body.
struct DecodedBody: Equatable, Sendable {
  var data: [UInt8] = []
  var consumed = 0
  var isComplete = false
  var fault: Reason?
}

/// Decodes `bytes`, which arrive `piece` at a time; what was not consumed is offered again.
func decode(_ bytes: [UInt8], _ framing: BodyFraming, piece: Int) -> DecodedBody {
  var decoder = BodyDecoder(framing)
  var result = DecodedBody()
  var available = 0
  while true {
    do throws(BodyError) {
      let step = try decoder.next(bytes.span.extracting(0..<available), from: result.consumed)
      precondition(step.consumed >= 0 && step.consumed <= available - result.consumed)
      precondition(step.data.isEmpty || step.data.upperBound <= result.consumed + step.consumed)
      result.data += bytes[step.data.lowerBound..<step.data.upperBound]
      result.consumed += step.consumed
      if step.consumed > 0 { continue }
    } catch {
      result.fault = error.reason
      return result
    }
    if decoder.isComplete || available == bytes.count { break }
    available = min(available + piece, bytes.count)
  }
  result.isComplete = decoder.isComplete
  #expect(decoder.decodedBytes == UInt64(result.data.count))
  return result
}

@Suite("Bodies")
struct BodyDecoderTests {
  struct Refused: Sendable, CustomTestStringConvertible {
    let input: String
    var reason = Reason.chunkInvalid
    var testDescription: String { input.prefix(60).debugDescription }

    init(_ input: String, _ reason: Reason = .chunkInvalid) {
      self.input = input
      self.reason = reason
    }

    func check() {
      let bytes = Array(input.utf8)
      for piece in bytes.count < 1000 ? [1, 2, 7, bytes.count] : [509, bytes.count] {
        let body = decode(bytes, .chunked, piece: piece)
        #expect(body.fault == reason, "in pieces of \(piece)")
      }
    }
  }

  static let badChunks = [
    Refused("0x5\r\nhello\r\n0\r\n\r\n"), Refused("-1\r\n"), Refused("+5\r\nhello\r\n"), Refused("5 \r\nhello\r\n"),
    Refused(" 5\r\nhello\r\n"), Refused("\t5\r\n"), Refused("g\r\n"), Refused("5h\r\n"), Refused("\r\n"),
    Refused(";a\r\n"),
    Refused("00000000000000005\r\nhello\r\n"), Refused("11111111111111111\r\n"), Refused("8000000000000000\r\n"),
    Refused("FFFFFFFFFFFFFFFF\r\n"), Refused("5\r\nhelloXX0\r\n\r\n"), Refused("5\r\nhello0\r\n\r\n"),
    Refused("5\r\nhello\rX"), Refused("3\r\nhello\r\n0\r\n\r\n"),
  ]

  @Test("H-11, RFC 9112 §7.1: a chunk is 1 to 16 digits, data and CRLF", arguments: badChunks)
  func badChunk(_ row: Refused) { row.check() }

  static let bareLineEnds = [
    Refused("5\nhello\r\n0\r\n\r\n"), Refused("5\rhello\r\n0\r\n\r\n"), Refused("5\r\nhello\n0\r\n\r\n"),
    Refused("5\r\nhello\r0\r\n\r\n"), Refused("0\n\r\n"), Refused("0\r\r\n\r\n"),
    Refused("0\r\n\n", .lineEndAfterChunks),
    Refused("0\r\n\rX", .lineEndAfterChunks), Refused("0\r\nX: a\n\r\n", .lineEndAfterChunks),
    Refused("0\r\nX: a\rY: b\r\n\r\n", .lineEndAfterChunks),
  ]

  @Test("H-4, RFC 9112 §2.2: a bare LF and a bare CR are refused in chunks and trailers", arguments: bareLineEnds)
  func bareLineEnd(_ row: Refused) { row.check() }

  static let badExtensions = [
    Refused("5;\nhello\r\n"), Refused("5;a\rb\r\nhello\r\n"), Refused("5;\r\n"), Refused("5;a=\r\nhello\r\n"),
    Refused("5;=b\r\nhello\r\n"), Refused("5; a\r\nhello\r\n"), Refused("5;a =b\r\nhello\r\n"),
    Refused("5;a=b c\r\nhello\r\n"), Refused("5;a=\"b\r\nhello\r\n"), Refused("5;a=\"b\"c\r\nhello\r\n"),
    Refused("5;a=\"b\u{0}\"\r\n"), Refused("5;a=\"b\\\n\"\r\n"), Refused("5;a(\r\n"), Refused("5,a\r\n"),
    Refused("5;" + String(repeating: "a", count: 256) + "\r\nhello\r\n"),
    Refused("5;" + String(repeating: "a", count: 300)),
    // The bound is one of the message, not of the chunk.
    Refused(String(repeating: "1;abcd\r\nx\r\n", count: 52)),
  ]

  @Test("H-12, RFC 9112 §7.1.1: chunk extensions keep to their grammar, 256 bytes a message", arguments: badExtensions)
  func badExtension(_ row: Refused) { row.check() }

  static let badTrailers = [
    Refused("0\r\nX : a\r\n\r\n", .trailerInvalid), Refused("0\r\n x\r\n\r\n", .trailerInvalid),
    Refused("0\r\nX: a\u{0}\r\n\r\n", .trailerInvalid), Refused("0\r\nContent-Length: 5\r\n\r\n", .trailerInvalid),
    Refused("0\r\ntransfer-encoding: chunked\r\n\r\n", .trailerInvalid),
    Refused("0\r\nHost: a\r\n\r\n", .trailerInvalid),
    Refused("0\r\n" + String(repeating: "X: y\r\n", count: 2731) + "\r\n", .trailerInvalid),
    Refused("0\r\nX: " + String(repeating: "y", count: 16384), .trailerInvalid),
  ]

  @Test("H-13, RFC 9112 §7.1.2: trailers are checked, and bounded", arguments: badTrailers)
  func badTrailer(_ row: Refused) { row.check() }

  struct Good: Sendable, CustomTestStringConvertible {
    let input: String
    let data: String
    var rest = ""
    var testDescription: String { input.prefix(60).debugDescription }
  }

  static let good = [
    Good(input: "0\r\n\r\n", data: ""), Good(input: "5\r\nhello\r\n0\r\n\r\n", data: "hello"),
    Good(input: "1\r\na\r\n0001\r\nb\r\n0000000000000000\r\n\r\n", data: "ab"),
    Good(input: "A\r\n0123456789\r\nb\r\n0123456789a\r\n0\r\n\r\n", data: "01234567890123456789a"),
    Good(input: "2\r\n\r\n\r\n0\r\n\r\n", data: "\r\n"),
    Good(input: "5;a;b=c;d=\"e \\\" \t;\"\r\nhello\r\n0;z\r\n\r\n", data: "hello"),
    Good(input: "5;" + String(repeating: "a", count: 255) + "\r\nhello\r\n0\r\n\r\n", data: "hello"),
    Good(input: "0\r\nX-Auth-User: root\r\nY:\r\n\r\n", data: ""),
    Good(input: "0\r\n\r\nGET / HTTP/1.1\r\n", data: "", rest: "GET / HTTP/1.1\r\n"),
  ]

  @Test("RFC 9112 §7.1: what is good is decoded alike however it arrives", arguments: good)
  func goodChunks(_ row: Good) {
    let bytes = Array(row.input.utf8)
    for piece in 1...bytes.count {
      let body = decode(bytes, .chunked, piece: piece)
      #expect(body.isComplete && body.fault == nil)
      #expect(body.data == Array(row.data.utf8))
      #expect(body.consumed == bytes.count - row.rest.utf8.count)
    }
  }

  @Test("A body of a known length ends there; what follows is not its own", arguments: [1, 3, 100])
  func knownLength(piece: Int) {
    let body = decode(Array("helloGET /".utf8), .length(5), piece: piece)
    #expect(body == DecodedBody(data: Array("hello".utf8), consumed: 5, isComplete: true))
    let short = decode(Array("hell".utf8), .length(5), piece: piece)
    #expect(short == DecodedBody(data: Array("hell".utf8), consumed: 4))
    #expect(decode(Array("x".utf8), .none, piece: piece) == DecodedBody(isComplete: true))
    #expect(decode(Array("x".utf8), .length(0), piece: piece) == DecodedBody(isComplete: true))
  }

  @Test("U-6, RFC 9112 §8: the end of the connection completes only a body that it ends")
  func connectionEnds() throws {
    let endings = [(BodyFraming.untilClose, true), (.length(9), false), (.chunked, false), (.none, true)]
    for (framing, isComplete) in endings {
      var decoder = BodyDecoder(framing)
      _ = try decoder.next(Array("5\r\nhel".utf8).span, from: 0)
      #expect(decoder.isComplete == (framing == .none))
      let ended = decoder.end()
      #expect(ended == isComplete, "\(framing)")
    }
  }

  @Test(
    "H-14: our chunk size lines",
    arguments: [(1, "1"), (10, "a"), (255, "ff"), (32768, "8000"), (Int.max, "7fffffffffffffff")])
  func sizeLines(count: Int, text: String) {
    var line = InlineArray<18, UInt8>(repeating: 0)
    let range = ChunkEncoder.writeSizeLine(count, to: &line)
    let written = range.map { line[$0] }
    #expect(written == Array((text + "\r\n").utf8))
  }
}

extension Reason {
  /// Behind the last chunk a line that ends wrongly is a trailer's.
  fileprivate static let lineEndAfterChunks = Reason.trailerInvalid
}
