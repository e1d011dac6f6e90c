public import Crypto
public import JSON

/// Makes tokens with the gateway's own keys.
public enum TokenMinter {
  /// What a token says that it is, where nothing else is asked for (RFC 9068 §2.1).
  public static let accessTokenType = "at+jwt"

  /// Whether a `typ` is an access token's, as it is compared (RFC 7515 §4.1.9).
  public static func isAccessTokenType(_ type: String) -> Bool { JOSEHeader.isMediaType(type, accessTokenType) }

  /// A token with these claims, signed.
  ///
  /// - Parameters:
  ///   - type: The header's `typ`; an access token's as it stands (RFC 9068 §2.1).
  ///   - keyID: The header's `kid`; nil: the key's own.
  public static func mint(
    _ claims: JSONObject, type: String = accessTokenType, keyID: String? = nil, with key: IssuerKey
  ) throws(SigningKeyError) -> [UInt8] {
    let header: JSONValue = .object([
      "alg": .string(key.algorithm.rawValue), "typ": .string(type), "kid": .string(keyID ?? key.keyID),
    ])
    var token = Base64URL.encode(header.serialized().span)
    token.append(UInt8(ascii: "."))
    token += Base64URL.encode(JSONValue.object(claims).serialized().span)
    let signature = try key.key.sign(token.span, key.algorithm.scheme)
    token.append(UInt8(ascii: "."))
    return token + Base64URL.encode(signature.span)
  }
}
