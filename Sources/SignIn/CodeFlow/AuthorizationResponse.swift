import Tokens

/// What the browser brings back from the provider (RFC 6749 §4.1.2, RFC 9207).
enum AuthorizationResponse: Equatable {
  case code(String, state: String)
  /// The provider has refused, and says with which code (§4.1.2.1).
  case refused(error: String, state: String)

  /// - Parameters:
  ///   - parameters: Of the query, decoded, in its order.
  ///   - issuer: The provider that the browser was sent to.
  ///   - sendsIssuer: Whether it says that its responses have `iss`.
  /// - Throws: `malformed` or `issuerMismatch`.
  init(
    _ parameters: [(name: String, value: String)], issuer: String, sendsIssuer: Bool
  ) throws(CallbackFault) {
    let code = try AuthorizationResponse.only("code", parameters)
    let error = try AuthorizationResponse.only("error", parameters)
    // An error of another issuer is no word of this one either.
    if let stated = try AuthorizationResponse.only("iss", parameters) {
      guard stated.isSameBytes(as: issuer) else { throw .issuerMismatch }
    } else if sendsIssuer {
      throw .issuerMismatch
    }
    guard let state = try AuthorizationResponse.only("state", parameters) else { throw .malformed }
    switch (code, error) {
    case (let code?, nil): self = .code(code, state: state)
    case (nil, let error?): self = .refused(error: ErrorCode.checked(error), state: state)
    default: throw .malformed
    }
  }

  private static let valueBytesMax = 4096

  /// The one parameter of that name; nil where there is none (RFC 6749 §3.1: none may stand twice).
  private static func only(
    _ name: String, _ parameters: [(name: String, value: String)]
  ) throws(CallbackFault) -> String? {
    var found: String?
    for parameter in parameters where parameter.name.isSameBytes(as: name) {
      guard found == nil, !parameter.value.isEmpty, parameter.value.utf8.count <= valueBytesMax else {
        throw .malformed
      }
      found = parameter.value
    }
    return found
  }
}

/// An error code (RFC 6749 §4.1.2.1, §5.2): shown and logged, so that none is any text.
enum ErrorCode {
  /// The code; `unknown` where it is no word of lower-case letters, digits and underscores.
  static func checked(_ text: String) -> String {
    let isWord =
      (1...64).contains(text.utf8.count)
      && text.utf8.allSatisfy { byte in
        (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte) || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
          || byte == UInt8(ascii: "_")
      }
    return isWord ? text : "unknown"
  }
}
