public import Crypto
public import JSON

/// Makes tokens with the gateway's own keys.
public enum TokenMinter {
  /// An access token (RFC 9068 §2) with these claims, signed.
  public static func mint(_ claims: JSONObject, with key: IssuerKey) throws(SigningKeyError) -> [UInt8] {
    let header: JSONValue = .object([
      "alg": .string(key.algorithm.rawValue), "typ": .string("at+jwt"), "kid": .string(key.keyID),
    ])
    var token = Base64URL.encode(header.serialized().span)
    token.append(UInt8(ascii: "."))
    token += Base64URL.encode(JSONValue.object(claims).serialized().span)
    let signature = try key.key.sign(token.span, key.algorithm.scheme)
    token.append(UInt8(ascii: "."))
    return token + Base64URL.encode(signature.span)
  }
}
