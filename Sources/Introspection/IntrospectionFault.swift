public import Fetch
public import Sockets

/// Why an issuer cannot be asked, or what is wrong with its answer. No token and no secret is in it.
public enum IntrospectionFault: Error, Sendable {
  case fetch(FetchError)
  /// Another status than 200 (RFC 7662 §2.3).
  case status(Int)
  /// The answer is not `application/json` (RFC 7662 §2.2).
  case contentType
  /// No strict JSON object, or one without a boolean `active`.
  case answerMalformed
  case file(SystemError)
  /// Everyone can read, or change, the secret (SECURITY.md L-3).
  case secretIsOpen(String, mode: UInt32)
  /// Whoever is not the owner can read the private key (SECURITY.md K-8).
  case keyIsOpen(String, mode: UInt32)
  case foreignFile(String)
  case secretIsEmpty(String)
  /// No private key in PEM, or one that no algorithm here signs with.
  case keyUnusable(String)
  /// OpenSSL could not sign.
  case assertionNotMade
}

extension IntrospectionFault: CustomStringConvertible {
  public var description: String {
    switch self {
    case .fetch(let error): error.description
    case .status(let status): "the answer has status \(status), not 200\(IntrospectionFault.hint(status))"
    case .contentType: "the answer is not application/json"
    case .answerMalformed: "the answer is no strict JSON object with a boolean \"active\""
    case .file(let error): "\(error)"
    case .secretIsOpen(let path, let mode):
      "\(path) has mode \(String(mode, radix: 8)); nobody but its owner and group may use it: run chmod o= \(path)"
    case .keyIsOpen(let path, let mode):
      "\(path) has mode \(String(mode, radix: 8)); nobody but its owner may read it: run chmod go= \(path)"
    case .foreignFile(let path): "\(path) belongs to another user"
    case .secretIsEmpty(let path): "\(path) is empty"
    case .keyUnusable(let path): "\(path) holds no unencrypted RSA, EC or Ed25519 private key in PEM"
    case .assertionNotMade: "the client assertion could not be signed"
    }
  }

  /// RFC 7662 §2.3: 401 is what an endpoint says to a client that it does not believe.
  private static func hint(_ status: Int) -> String {
    status == 401 || status == 403 ? ": the issuer does not accept this client's credentials" : ""
  }
}
