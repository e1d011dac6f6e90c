internal import JSON
internal import Tokens

/// What a provider says of itself (OpenID Connect Discovery §3), as far as it is listened to.
struct DiscoveryDocument {
  let keySetAddress: String

  /// OpenID Connect Discovery §4: a slash that ends the issuer is left out.
  static func address(of issuer: String) -> String {
    var issuer = issuer
    if issuer.hasSuffix("/") { issuer.removeLast() }
    return issuer + "/.well-known/openid-configuration"
  }

  /// - Throws: Where the document is another issuer's, compared byte for byte (§4.3, SECURITY.md K-7).
  init(_ text: Span<UInt8>, issuer: String) throws(KeyFault) {
    guard let members = try? JSON.parse(text).object, let found = members["issuer"]?.string,
      let address = members["jwks_uri"]?.string
    else { throw .discoveryMalformed }
    guard found.isSameBytes(as: issuer) else { throw .issuerDiffers(found: found) }
    keySetAddress = address
  }
}
