import Configuration
import HTTP
import Sockets

/// An upstream inside this process, of the kinds `echo` and `static`.
///
/// It stands at the other end of a socket pair and reads bytes as any server would: what it is sent is what an upstream
/// would get.
enum BuiltinServer: Sendable {
  /// Answers with what it received, as JSON.
  case echo
  case fixed(StaticResponse)

  /// A connection to it.
  func connect(on loop: EventLoop, blocks: BufferPool) throws(SystemError) -> Socket {
    let server = self
    return try Socket.pair().giveFar { far throws(SystemError) in
      try BuiltinConnection(far, to: server, loop: loop, blocks: blocks).start()
    }
  }
}

/// The far end: one request after the other.
private final class BuiltinConnection: Pollable {
  private let server: BuiltinServer
  private let loop: EventLoop
  private let blocks: BufferPool
  private var socket: Socket
  private var input: Buffer?
  private var output: Buffer?
  /// What follows `output`. A body is everyone's: who reads it slowly holds a block of it, not a copy (SECURITY D-3).
  private var rest: [ArraySlice<UInt8>] = []
  private var head = RequestHead(fieldsMax: BuiltinConnection.limits.fieldsMax)
  /// A head was read, and its body not to the end.
  private var isInRequest = false
  private var method = Method.get
  private var echoed: EchoedRequest?
  private var body = BodyDecoder(.none)

  private static let limits = HeadLimits(
    headBytesMax: Limits.blockBytes, fieldsMax: 4096, targetBytesMax: Limits.blockBytes)
  private static let bodyShownMax = 16 * 1024

  init(_ socket: consuming Socket, to server: BuiltinServer, loop: EventLoop, blocks: BufferPool) {
    self.socket = socket
    self.server = server
    self.loop = loop
    self.blocks = blocks
  }

  func start() throws(SystemError) {
    try loop.register(self, descriptor: socket.descriptor, interest: .edge)
  }

  override func ready(_ events: ReadyEvents) {
    guard flush() else { return }
    while true {
      var block = input.take() ?? blocks.take()
      block.compact()
      let result = block.writableCount > 0 ? socket.read(into: &block) : .wouldBlock
      let goesOn = use(&block)
      if block.isEmpty { blocks.give(block) } else { input = consume block }
      guard goesOn, flush() else {
        if !goesOn { close() }
        return
      }
      switch result {
      case .bytes: continue
      case .wouldBlock: return
      case .end, .failed:
        close()
        return
      }
    }
  }

  /// Uses what stands in `block`; false where it is no request.
  private func use(_ block: inout Buffer) -> Bool {
    // One response at a time: what comes behind it waits.
    while !block.isEmpty, output == nil, rest.isEmpty {
      if !isInRequest {
        let isWhole = block.withReadable { bytes in readHead(bytes) }
        guard let isWhole else { return false }
        guard isWhole else { return true }
        block.consume(head.length)
      }
      while !body.isComplete, !block.isEmpty {
        let consumed = block.withReadable { bytes in readBody(bytes) }
        guard let consumed else { return false }
        if consumed == 0 { return true }
        block.consume(consumed)
      }
      guard body.isComplete else { return true }
      isInRequest = false
      respond()
    }
    return true
  }

  /// Whether the head is whole; nil where it is none.
  private func readHead(_ bytes: Span<UInt8>) -> Bool? {
    do throws(HeadError) {
      guard
        try RequestHeadParser.parse(
          bytes, from: 0, limits: BuiltinConnection.limits, scheme: .http, into: &head)
      else { return false }
    } catch {
      return nil
    }
    isInRequest = true
    method = head.knownMethod
    body = BodyDecoder(head.bodyFraming)
    if case .echo = server { echoed = EchoedRequest(head, bytes) }
    return true
  }

  /// Bytes that were used; nil where they are no body.
  private func readBody(_ bytes: Span<UInt8>) -> Int? {
    do throws(BodyError) {
      let step = try body.next(bytes, from: 0)
      echoed?.keep(bytes, step.data, most: BuiltinConnection.bodyShownMax)
      return step.consumed
    } catch {
      return nil
    }
  }

  private func respond() {
    switch server {
    case .echo: respond(200, "application/json", echoed?.json ?? [])
    case .fixed(let response): respond(response.status, response.contentType, response.body)
    }
    echoed = nil
  }

  private func respond(_ status: Int, _ contentType: String, _ body: [UInt8]) {
    var head = "HTTP/1.1 \(status) \(StatusText.reasonPhrase(status))\r\n"
    if !body.isEmpty { head += "Content-Type: \(contentType)\r\n" }
    // Neither says how long a body is that cannot be (RFC 9110 §8.6).
    if status != 204, status != 304 { head += "Content-Length: \(body.count)\r\n" }
    rest = [[UInt8]((head + "\r\n").utf8)[...]]
    if method != .head, !body.isEmpty { rest.append(body[...]) }
  }

  /// Whether everything was sent.
  private func flush() -> Bool {
    while var block = nextOutput() {
      while !block.isEmpty {
        switch socket.write(&block) {
        case .bytes: continue
        case .wouldBlock, .end: output = consume block
        case .failed:
          blocks.give(block)
          close()
        }
        return false
      }
      blocks.give(block)
    }
    return true
  }

  /// What waits to be sent, or a block of what follows it; nil where that is all.
  private func nextOutput() -> Buffer? {
    if let block = output.take() { return block }
    guard let piece = rest.first else { return nil }
    var block = blocks.take()
    let count = min(block.writableCount, piece.count)
    block.append(piece.span.extracting(0..<count))
    if count < piece.count { rest[0] = piece.dropFirst(count) } else { rest.removeFirst() }
    return block
  }

  private func close() {
    loop.unregister(self)
    socket.close()
  }
}
