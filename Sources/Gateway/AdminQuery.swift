import Configuration
import Dispatch
import HTTP
import Sockets
import Synchronization

/// One question of a command to the admin listener of a gateway that runs: a GET, and its whole answer.
final class AdminQuery: Pollable {
  struct Answer: Sendable {
    let status: Int
    let body: [UInt8]
  }

  enum Fault: Error, CustomStringConvertible {
    case system(SystemError)
    case closed, malformed, tooLarge, tooSlow

    var description: String {
      switch self {
      case .system(let error): "\(error)"
      case .closed: "the connection was closed"
      case .malformed: "the answer is none of an admin listener"
      case .tooLarge: "the answer is larger than \(AdminQuery.answerBytesMax >> 10) KiB"
      case .tooSlow: "no answer in \(AdminQuery.timeout.components.seconds) s"
      }
    }
  }

  private static let answerBytesMax = 4 << 20
  private static let timeout: Duration = .seconds(10)
  private static let limits = HeadLimits(headBytesMax: 16 << 10, fieldsMax: 100, targetBytesMax: 8 << 10)

  private let loop: EventLoop
  private var socket: Socket
  private var isConnected = false
  private var request = Buffer(capacity: 1024)
  private var answer = Buffer(capacity: AdminQuery.answerBytesMax)
  private var completion: ((Result<Answer, Fault>) -> Void)?

  /// Asks, and blocks until the answer is there.
  ///
  /// - Parameter path: Of 512 bytes at most.
  static func get(_ path: String, at address: ListenAddress) throws -> Answer {
    let loop = try EventLoop(label: "command")
    let ended = DispatchSemaphore(value: 0)
    let result = Mutex<Result<Answer, Fault>>(.failure(.closed))
    loop.start()
    loop.async {
      do throws(SystemError) {
        _ = try AdminQuery(path, address, loop) { answer in
          result.withLock { $0 = answer }
          ended.signal()
        }
      } catch {
        result.withLock { $0 = .failure(.system(error)) }
        ended.signal()
      }
    }
    ended.wait()
    loop.stop()
    return try result.withLock { $0 }.get()
  }

  private init(
    _ path: String, _ address: ListenAddress, _ loop: EventLoop,
    completion: @escaping (Result<Answer, Fault>) -> Void
  ) throws(SystemError) {
    self.loop = loop
    self.completion = completion
    guard let target = address.toConnectTo else { throw SystemError(call: "connect", code: 22) }
    socket = try Socket.connect(to: target)
    let lines = [
      "GET \(path) HTTP/1.1", "Host: localhost", "Accept: application/json", "Connection: close", "", "",
    ]
    request.append(Array(lines.joined(separator: "\r\n").utf8))
    super.init()
    try loop.register(self, descriptor: socket.descriptor, interest: .edge)
    loop.deadlines(after: AdminQuery.timeout).arm(self)
  }

  private func end(_ result: Result<Answer, Fault>) {
    guard let completion = completion.take() else { return }
    disarmDeadline()
    loop.unregister(self)
    socket.close()
    completion(result)
  }

  override func deadlineExpired() { end(.failure(.tooSlow)) }

  override func ready(_ events: ReadyEvents) {
    guard completion != nil else { return }
    if !isConnected {
      guard !events.isDisjoint(with: [.writable, .hangup, .error]) else { return }
      if let error = socket.connectionError { return end(.failure(.system(error))) }
      isConnected = true
    }
    while !request.isEmpty, case .bytes = socket.write(&request) {}
    while answer.writableCount > 0 {
      switch socket.read(into: &answer) {
      case .bytes: continue
      case .wouldBlock: return
      case .end: return end(whole)
      case .failed: return end(.failure(.closed))
      }
    }
    end(.failure(.tooLarge))
  }

  /// What has arrived, which is all.
  private var whole: Result<Answer, Fault> {
    var head = ResponseHead(fieldsMax: AdminQuery.limits.fieldsMax)
    return answer.withReadable { bytes in
      guard
        (try? ResponseHeadParser.parse(bytes, from: 0, limits: AdminQuery.limits, answering: .get, into: &head)) == true
      else { return .failure(.malformed) }
      guard case .length(let length) = head.bodyFraming, length == UInt64(bytes.count - head.length) else {
        return .failure(.malformed)
      }
      var body: [UInt8] = []
      body.reserveCapacity(bytes.count - head.length)
      for index in head.length..<bytes.count { body.append(bytes[index]) }
      return .success(Answer(status: head.status, body: body))
    }
  }
}

extension ListenAddress {
  /// Where a command of this machine reaches it: what listens on all addresses does on loopback too.
  fileprivate var toConnectTo: SocketAddress? {
    switch self {
    case .ipv4(let literal, let port): SocketAddress(ipv4: literal == "0.0.0.0" ? "127.0.0.1" : literal, port: port)
    case .ipv6(let literal, let port): SocketAddress(ipv6: literal == "::" ? "::1" : literal, port: port)
    case .unix(let path): SocketAddress(unix: path)
    }
  }
}
