import Configuration
import HTTP
import Sockets

/// One question to one server whether it is well, on a connection of its own: a GET, of whose answer the status counts.
final class HealthCheck: Pollable {
  private let configuration: HealthConfiguration
  private let loop: EventLoop
  private var socket: Socket
  private var isConnected = false
  private var request = Buffer(capacity: 2048)
  private var answer = Buffer(capacity: Limits.healthAnswerBytesMax)
  private var head = ResponseHead(fieldsMax: Limits.answerFieldsMax)
  private var completion: ((HealthFault?) -> Void)?

  private static let limits = HeadLimits(
    headBytesMax: Limits.healthAnswerBytesMax, fieldsMax: Limits.answerFieldsMax,
    targetBytesMax: Limits.healthAnswerBytesMax)

  /// Begins it.
  ///
  /// - Parameters:
  ///   - host: What `Host` says.
  ///   - completion: Called once, unless it is cancelled: with nil where the answer is good.
  init(
    of address: SocketAddress, host: String, _ configuration: HealthConfiguration, on loop: EventLoop,
    completion: @escaping (HealthFault?) -> Void
  ) throws(SystemError) {
    self.configuration = configuration
    self.loop = loop
    self.completion = completion
    socket = try Socket.connect(to: address)
    let lines = [
      "GET \(configuration.path) HTTP/1.1", "Host: \(host)", "User-Agent: portcullis-health", "Accept: */*",
      "Connection: close", "", "",
    ]
    // A path has 1 KiB at most, a name 253 bytes.
    request.append(Array(lines.joined(separator: "\r\n").utf8))
    super.init()
    try loop.register(self, descriptor: socket.descriptor, interest: .edge)
    loop.deadlines(after: configuration.timeout).arm(self)
  }

  /// Ends it without a result.
  func cancel() {
    guard completion != nil else { return }
    completion = nil
    loop.unregister(self)
    socket.close()
  }

  private func end(_ fault: HealthFault?) {
    let completion = self.completion
    cancel()
    completion?(fault)
  }

  override func deadlineExpired() { end(.tooSlow) }

  override func ready(_ events: ReadyEvents) {
    guard completion != nil else { return }
    if !isConnected {
      guard !events.isDisjoint(with: [.writable, .hangup, .error]) else { return }
      if let error = socket.connectionError {
        end(.notConnected(error))
        return
      }
      isConnected = true
    }
    while !request.isEmpty, case .bytes = socket.write(&request) {}
    read()
  }

  private func read() {
    while answer.writableCount > 0 {
      switch socket.read(into: &answer) {
      case .bytes: break
      case .wouldBlock: return
      case .end, .failed:
        end(.closed)
        return
      }
      switch parse() {
      case .incomplete: continue
      case .status(let status):
        end(configuration.statuses.contains(status) ? nil : .status(status))
        return
      case .malformed:
        end(.malformed)
        return
      }
    }
    end(.malformed)
  }

  private enum Parsed {
    case incomplete, malformed
    case status(Int)
  }

  /// The final status; interim answers are passed over.
  private func parse() -> Parsed {
    while !answer.isEmpty {
      let isWhole: Bool
      do throws(HeadError) {
        isWhole = try answer.withReadable { bytes throws(HeadError) in
          try ResponseHeadParser.parse(bytes, from: 0, limits: HealthCheck.limits, answering: .get, into: &head)
        }
      } catch {
        return .malformed
      }
      guard isWhole else { return .incomplete }
      guard head.status < 200 else { return .status(head.status) }
      answer.consume(head.length)
    }
    return .incomplete
  }
}
