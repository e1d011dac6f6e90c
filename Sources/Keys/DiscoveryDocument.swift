internal import HTTP
public import JSON
internal import Tokens

/// What a provider says of itself (OpenID Connect Discovery §3), as far as it is listened to.
public struct DiscoveryDocument: Sendable {
  /// All that it says.
  public let members: JSONObject
  /// `jwks_uri`: where the provider's JWK Set is. At most 2048 bytes, and https if the issuer is.
  public let keySetAddress: String

  /// It stands in messages.
  static let addressBytesMax = 2048

  /// OpenID Connect Discovery §4: a slash that ends the issuer is left out.
  public static func address(of issuer: String) -> String {
    var issuer = issuer
    if issuer.hasSuffix("/") { issuer.removeLast() }
    return issuer + "/.well-known/openid-configuration"
  }

  /// - Throws: Where the document is another issuer's, compared byte for byte (§4.3, SECURITY K-7), or names keys in
  ///   plain text though it came over TLS: they would be as good as whoever listens on a port of this machine.
  public init(_ text: Span<UInt8>, issuer: String) throws(KeyFault) {
    guard let members = try? JSON.parse(text).object, let found = members["issuer"]?.string,
      let address = members["jwks_uri"]?.string
    else { throw .discoveryMalformed }
    guard found.isSameBytes(as: issuer) else { throw .issuerDiffers(found: found) }
    guard address.utf8.count <= DiscoveryDocument.addressBytesMax else { throw .keysAddressTooLong(address.utf8.count) }
    guard DiscoveryDocument.isSecured(address) || !DiscoveryDocument.isSecured(issuer) else {
      throw .keysInPlainText(address: ShownURL(address))
    }
    self.members = members
    keySetAddress = address
  }

  private static func isSecured(_ address: String) -> Bool { address.lowercased().hasPrefix("https://") }
}
