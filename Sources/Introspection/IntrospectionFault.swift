public import Fetch
public import OAuth

/// Why an issuer cannot be asked, or what is wrong with its response. It contains no token and no secret.
public enum IntrospectionFault: Error, Sendable {
  /// The request or its response failed.
  case fetch(FetchError)
  /// Another status than 200 (RFC 7662 §2.3).
  case status(Int)
  /// The response is not `application/json` (RFC 7662 §2.2).
  case contentType
  /// The response is not a strict JSON object with a boolean `active`.
  case responseMalformed
  /// The gateway cannot prove that it is the client.
  case client(ClientFault)
}

extension IntrospectionFault {
  /// Whether the issuer is there and has answered this one question: that says nothing of its other responses.
  ///
  /// 401 and 403 are about the gateway as a client, 408, 429, 502, 503 and 504 about how the issuer fares (RFC 9110 §15.5,
  /// §15.6, RFC 6585 §4). 500 may be about one token that the issuer's code does not expect: counted against the issuer,
  /// whoever sends such tokens would take introspection from everybody.
  var isOfOneToken: Bool {
    switch self {
    case .responseMalformed, .fetch(.bodyTooLarge): true
    case .status(let status): (400...500).contains(status) && ![401, 403, 408, 429].contains(status)
    case .fetch, .contentType, .client: false
    }
  }
}

extension IntrospectionFault: CustomStringConvertible {
  /// For operators.
  public var description: String {
    switch self {
    case .fetch(let error): error.description
    case .status(let status): "the response has status \(status), not 200\(IntrospectionFault.hint(status))"
    case .contentType: "the response is not application/json"
    case .responseMalformed: "the response is not a strict JSON object with a boolean \"active\""
    case .client(let fault): fault.description
    }
  }

  /// RFC 7662 §2.3: 401 is what an endpoint says to a client that it does not believe.
  private static func hint(_ status: Int) -> String {
    status == 401 || status == 403 ? ": the issuer does not accept this client's credentials" : ""
  }
}
