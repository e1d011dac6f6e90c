internal import Crypto
internal import JSON
internal import Tokens

/// A JWT by which the gateway proves who it is (RFC 7523 §2.2, §3).
enum ClientAssertion {
  static let type = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

  /// How long one is good, in seconds. Each is sent once, at once.
  static let lifetimeSeconds: UnixSeconds = 60

  /// - Parameter keyID: The header's `kid`.
  static func make(
    clientID: String, audience: String, keyID: String, key: IssuerKey, now: UnixSeconds
  ) throws(ClientFault) -> [UInt8] {
    let identifier: [UInt8]
    do throws(CryptoError) {
      identifier = try RandomBytes.make(16)
    } catch {
      throw .assertionNotMade
    }
    let claims: JSONObject = [
      "iss": .string(clientID), "sub": .string(clientID), "aud": .string(audience),
      "jti": .string(Base64URL.text(identifier)), "iat": .integer(now), "exp": .integer(now + lifetimeSeconds),
    ]
    do throws(SigningKeyError) {
      return try TokenMinter.mint(claims, type: "JWT", keyID: keyID, with: key)
    } catch {
      throw .assertionNotMade
    }
  }
}
