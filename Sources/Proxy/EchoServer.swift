import HTTP
import Sockets

/// The upstream kind `echo`: answers with what it received, as JSON.
///
/// It stands at the other end of a socket pair and reads bytes as any server would: what it shows is what an upstream
/// would get.
enum EchoServer {
  /// A connection to it.
  static func connect(on loop: EventLoop, blocks: BufferPool) throws(SystemError) -> Socket {
    try Socket.pair().giveFar { far throws(SystemError) in
      try EchoConnection(far, loop: loop, blocks: blocks).start()
    }
  }
}

/// The far end: one request after the other.
private final class EchoConnection: Pollable {
  private let loop: EventLoop
  private let blocks: BufferPool
  private var socket: Socket
  private var input: Buffer?
  private var output: Buffer?
  private var head = RequestHead(fieldsMax: EchoConnection.limits.fieldsMax)
  private var request: EchoedRequest?
  private var body = BodyDecoder(.none)

  private static let limits = HeadLimits(
    headBytesMax: Limits.blockBytes, fieldsMax: 4096, targetBytesMax: Limits.blockBytes)
  private static let bodyShownMax = 16 * 1024

  init(_ socket: consuming Socket, loop: EventLoop, blocks: BufferPool) {
    self.socket = socket
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
    while !block.isEmpty {
      if request == nil {
        let read = block.withReadable { bytes -> EchoedRequest?? in
          do throws(HeadError) {
            guard
              try RequestHeadParser.parse(
                bytes, from: 0, limits: EchoConnection.limits, scheme: .http, into: &head)
            else { return .some(nil) }
            return EchoedRequest(head, bytes)
          } catch {
            return nil
          }
        }
        guard let read else { return false }
        guard let read else { return true }
        request = read
        body = BodyDecoder(head.bodyFraming)
        block.consume(head.length)
      }
      while !body.isComplete, !block.isEmpty {
        let consumed = block.withReadable { bytes -> Int in
          do throws(BodyError) {
            let step = try body.next(bytes, from: 0)
            request?.keep(bytes, step.data, most: EchoConnection.bodyShownMax)
            return step.consumed
          } catch {
            return -1
          }
        }
        guard consumed >= 0 else { return false }
        if consumed == 0 { return true }
        block.consume(consumed)
      }
      guard body.isComplete, let request else { return true }
      self.request = nil
      answer(request)
    }
    return true
  }

  private func answer(_ request: EchoedRequest) {
    let json = request.json
    let fields = "Content-Type: application/json\r\nContent-Length: \(json.count)\r\n"
    var bytes = [UInt8]("HTTP/1.1 200 OK\r\n\(fields)\r\n".utf8)
    if request.method != "HEAD" { bytes += json }
    var block = Buffer(capacity: (output?.count ?? 0) + bytes.count)
    if let pending = output.take() { pending.withReadable { block.append($0) } }
    block.append(bytes)
    output = consume block
  }

  /// Whether everything was sent.
  private func flush() -> Bool {
    guard var block = output.take() else { return true }
    while !block.isEmpty {
      switch socket.write(&block) {
      case .bytes: continue
      case .wouldBlock, .end: output = consume block
      case .failed: close()
      }
      return false
    }
    return true
  }

  private func close() {
    loop.unregister(self)
    socket.close()
  }
}

/// A request as `echo` shows it.
private struct EchoedRequest {
  let method: String
  private let target: String
  private var fields: [(name: String, values: [String])] = []
  private var body: [UInt8] = []
  private var bodyCount: UInt64 = 0

  init(_ head: borrowing RequestHead, _ bytes: Span<UInt8>) {
    method = EchoedRequest.text(bytes, head.method)
    target = EchoedRequest.text(bytes, head.target)
    for line in head.fields {
      let name = EchoedRequest.text(bytes, line.name)
      let value = EchoedRequest.text(bytes, line.value)
      if let index = fields.firstIndex(where: { $0.name == name }) {
        fields[index].values.append(value)
      } else {
        fields.append((name, [value]))
      }
    }
  }

  mutating func keep(_ bytes: Span<UInt8>, _ data: ByteRange, most: Int) {
    bodyCount += UInt64(data.count)
    for index in data.lowerBound..<data.upperBound where body.count < most { body.append(bytes[index]) }
  }

  var json: [UInt8] {
    var text = "{\n  \"method\": \(EchoedRequest.quoted(method)),\n  \"target\": \(EchoedRequest.quoted(target)),\n"
    text += "  \"headers\": {"
    for (index, field) in fields.enumerated() {
      let values = field.values.map(EchoedRequest.quoted)
      let value = values.count == 1 ? values[0] : "[\(values.joined(separator: ", "))]"
      text += "\(index == 0 ? "" : ",")\n    \(EchoedRequest.quoted(field.name)): \(value)"
    }
    text += "\n  },\n  \"body_bytes\": \(bodyCount),\n"
    text += "  \"body\": \(EchoedRequest.quoted(String(decoding: body, as: UTF8.self)))\n}\n"
    return [UInt8](text.utf8)
  }

  private static func text(_ bytes: Span<UInt8>, _ range: ByteRange) -> String {
    var copy: [UInt8] = []
    copy.reserveCapacity(range.count)
    for index in range.lowerBound..<range.upperBound { copy.append(bytes[index]) }
    return String(decoding: copy, as: UTF8.self)
  }

  /// As a JSON string (RFC 8259 §7).
  private static func quoted(_ text: String) -> String {
    var result = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": result += "\\\""
      case "\\": result += "\\\\"
      case "\n": result += "\\n"
      case "\r": result += "\\r"
      case "\t": result += "\\t"
      default:
        if scalar.value < 0x20 || scalar.value == 0x7F {
          let digits = String(scalar.value, radix: 16)
          result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
        } else {
          result.unicodeScalars.append(scalar)
        }
      }
    }
    return result + "\""
  }
}
