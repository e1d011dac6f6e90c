internal import Crypto
internal import JSON

/// What the JOSE header of a proof says (RFC 9449 §4.2). Of all tokens, a proof alone says what it is verified with.
struct DPoPHeader {
  let algorithm: SignatureAlgorithm
  private let jwk: JSONObject

  init(_ text: [UInt8]) throws(DPoPProofError) {
    guard let members = try? JSON.parse(text.span).object else { throw .headerInvalid }
    guard let type = members["typ"]?.string, JOSEHeader.isMediaType(type, "dpop+jwt") else { throw .typeRefused }
    for name in JOSEHeader.extensions where members[name] != nil { throw .extensionRefused(name) }
    guard let name = members["alg"]?.string,
      let algorithm = SignatureAlgorithm(name: name), DPoPProof.algorithms.contains(algorithm)
    else { throw .algorithmRefused }
    guard let jwk = members["jwk"]?.object else { throw .keyInvalid(.memberInvalid("jwk")) }
    self.algorithm = algorithm
    self.jwk = jwk
  }

  /// The key in the header, where it is the one that the token is bound to. Its thumbprint is compared before anything
  /// is made of it: keys that strangers send cost a hash.
  func key(boundTo thumbprint: [UInt8]) throws(DPoPProofError) -> PublicKey {
    let found: [UInt8]?
    do throws(CryptoError) {
      found = try Thumbprint.digest(of: jwk)
    } catch {
      throw .crypto(error)
    }
    if let found, !ConstantTime.areEqual(found.span, thumbprint.span) { throw .keyNotBound }
    let key: VerificationKey
    do throws(UnusedKey) {
      key = try VerificationKey(jwk)
    } catch {
      throw .keyInvalid(error)
    }
    guard found != nil else { throw .keyNotBound }
    guard key.allows(algorithm) else { throw .keyMismatch }
    return key.key
  }
}
