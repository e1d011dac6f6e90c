public import Reason
public import Tokens

/// A claim cannot be passed to an upstream in a header.
public struct IdentityHeaderError: Error, Equatable {
  /// The name of the header.
  public let header: String
  /// Always `identityInvalid`, whatever the header.
  public var reason: Reason { .identityInvalid }
}

/// Which claims an upstream is told, and in which headers.
public struct IdentityMapping: Sendable, Hashable {
  /// Where a header's value comes from.
  enum Source: Sendable, Hashable {
    case subject
    case roles
    case claim(ClaimPath)
  }

  struct Header: Sendable, Hashable {
    let name: String
    let source: Source
  }

  let headers: [Header]

  /// Whether the default headers are sent besides a route's own.
  public enum Defaults: Sendable { case included, leftOut }

  /// Maps headers to claims.
  ///
  /// - Parameter headers: Valid field names, and the claims that they carry. One with the name of a default header
  ///   replaces it.
  public init(headers: [(name: String, claim: ClaimPath)], defaults: Defaults) {
    let own = headers.map { Header(name: $0.name, source: .claim($0.claim)) }
    let inherited = defaults == .included ? IdentityMapping.defaultHeaders : []
    self.headers =
      inherited.filter { inherited in !own.contains { $0.name.lowercased() == inherited.name.lowercased() } } + own
  }

  /// The default headers: `X-Forwarded-User`, `X-Forwarded-Preferred-Username`, `X-Forwarded-Email`,
  /// `X-Forwarded-Groups`.
  public static let defaults = IdentityMapping(headers: [], defaults: .included)

  private static var defaultHeaders: [Header] {
    var headers = [Header(name: "X-Forwarded-User", source: .subject)]
    for (name, claim) in [("X-Forwarded-Preferred-Username", "preferred_username"), ("X-Forwarded-Email", "email")] {
      headers.append(Header(name: name, source: .claim(ClaimPath(name: claim))))
    }
    headers.append(Header(name: "X-Forwarded-Groups", source: .roles))
    return headers
  }

  /// The names of all headers; the client's own lines with these names are removed.
  public var headerNames: [String] { headers.map(\.name) }

  /// The field lines for a sender with these claims, each with its CRLF; empty without claims.
  ///
  /// A claim that is absent, null or empty has no line. Lists are joined by commas, and commas inside their items are
  /// encoded (SECURITY I-4, I-5).
  ///
  /// - Throws: If a value contains a control character or is an object, and so cannot be passed on truthfully.
  public func render(_ claims: ClaimsSet?) throws(IdentityHeaderError) -> [UInt8] {
    guard let claims else { return [] }
    var output: [UInt8] = []
    output.reserveCapacity(256)
    for header in headers {
      let start = output.count
      output += header.name.utf8
      output += ": ".utf8
      let valueStart = output.count
      let isGood: Bool
      switch header.source {
      case .subject: isGood = claims.subject.map { FieldValueText.append($0, to: &output) } ?? true
      case .roles: isGood = FieldValueText.append(list: claims.roles, to: &output)
      case .claim(let path): isGood = claims.claim(path).map { FieldValueText.append($0, to: &output) } ?? true
      }
      guard isGood else { throw IdentityHeaderError(header: header.name) }
      if output.count == valueStart {
        output.removeLast(valueStart - start)
      } else {
        output += "\r\n".utf8
      }
    }
    return output
  }
}
