import Configuration
import HTTP
import Sockets
import TLS

/// One question to one server whether it is well, on a connection of its own: a GET, of whose response the status
/// counts.
final class HealthCheck: Pollable {
  private let configuration: HealthConfiguration
  private let loop: EventLoop
  private var stream: ByteStream
  private var isConnected = false
  /// The TLS handshake is over, where there is one.
  private var handshakeIsOver: Bool
  private var request = Buffer(capacity: 2048)
  private var response = Buffer(capacity: Limits.healthResponseBytesMax)
  private var head = ResponseHead(fieldsMax: Limits.responseFieldsMax)
  private var completion: ((HealthFault?) -> Void)?

  private static let limits = HeadLimits(
    headBytesMax: Limits.healthResponseBytesMax, fieldsMax: Limits.responseFieldsMax,
    targetBytesMax: Limits.healthResponseBytesMax)

  /// Begins it.
  ///
  /// - Parameters:
  ///   - stream: Begins to connect.
  ///   - host: What `Host` says.
  ///   - completion: Called once, unless it is cancelled: with nil where the response is good.
  init(
    on stream: consuming ByteStream, host: String, _ configuration: HealthConfiguration, _ loop: EventLoop,
    completion: @escaping (HealthFault?) -> Void
  ) throws(SystemError) {
    self.configuration = configuration
    self.loop = loop
    self.completion = completion
    handshakeIsOver = !stream.isSecured
    self.stream = stream
    let lines = [
      "GET \(configuration.path) HTTP/1.1", "Host: \(host)", "User-Agent: portcullis-health", "Accept: */*",
      "Connection: close", "", "",
    ]
    // A path has 1 KiB at most, a name 253 bytes.
    request.append(Array(lines.joined(separator: "\r\n").utf8))
    super.init()
    try loop.register(self, descriptor: self.stream.descriptor, interest: .edge)
    loop.deadlines(after: configuration.timeout).arm(self)
  }

  /// Ends it without a result.
  func cancel() {
    guard completion != nil else { return }
    completion = nil
    loop.unregister(self)
    stream.close(.whole)
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
      if let error = stream.connectionError {
        end(.notConnected(error))
        return
      }
      isConnected = true
    }
    if !handshakeIsOver {
      switch stream.handshake() {
      case .done: handshakeIsOver = true
      case .wouldBlock: return
      case .left:
        end(.tls("connection_closed"))
        return
      case .failed(let why):
        end(.tls(why))
        return
      }
    }
    while !request.isEmpty, case .bytes = stream.write(&request) {}
    read()
  }

  private func read() {
    while response.writableCount > 0 {
      switch stream.read(into: &response) {
      case .bytes: break
      case .wouldBlock: return
      case .end, .failed:
        end(stream.failure.map { .tls($0) } ?? .closed)
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

  /// The final status; interim responses are passed over.
  private func parse() -> Parsed {
    while !response.isEmpty {
      let isWhole: Bool
      do throws(HeadError) {
        isWhole = try response.withReadable { bytes throws(HeadError) in
          try ResponseHeadParser.parse(bytes, from: 0, limits: HealthCheck.limits, answering: .get, into: &head)
        }
      } catch {
        return .malformed
      }
      guard isWhole else { return .incomplete }
      guard head.status < 200 else { return .status(head.status) }
      response.consume(head.length)
    }
    return .incomplete
  }
}
