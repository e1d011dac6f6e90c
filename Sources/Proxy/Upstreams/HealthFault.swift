public import Sockets

/// Why a server did not pass a health check.
public enum HealthFault: Error, Equatable, Sendable, CustomStringConvertible {
  case notConnected(SystemError)
  /// TLS failed; OpenSSL's word for it, in snake case.
  case tls(String)
  /// No whole response head in time.
  case tooSlow
  /// The connection ended before there was a response.
  case closed
  /// The response is no HTTP/1.1.
  case malformed
  case status(Int)

  /// In words, for a log.
  public var description: String {
    switch self {
    case .notConnected(let error): "\(error)"
    case .tls(let why): "TLS: \(why)"
    case .tooSlow: "no response in time"
    case .closed: "the connection ended before a response"
    case .malformed: "the response is not HTTP/1.1"
    case .status(let status): "status \(status)"
    }
  }
}
