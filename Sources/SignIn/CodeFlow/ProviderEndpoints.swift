import Fetch
import JSON
import Keys
import Tokens

/// Where a provider is asked, as its discovery document says (OpenID Connect Discovery 1.0 §3).
struct ProviderEndpoints: Sendable, Equatable {
  /// Where browsers are sent to sign in.
  let authorization: String
  let token: String
  let userinfo: String?
  /// Where browsers are sent to sign out (OpenID Connect RP-Initiated Logout 1.0 §2.1).
  let endSession: String?
  /// Whether what browsers bring back has `iss` (RFC 9207 §3).
  let sendsIssuer: Bool

  /// - Throws: Where it is another issuer's (SECURITY K-7), or names an endpoint that is not protected (SECURITY K-1).
  init(_ text: Span<UInt8>, issuer: String) throws(CodeFlowFault) {
    let document: DiscoveryDocument
    do throws(KeyFault) {
      document = try DiscoveryDocument(text, issuer: issuer)
    } catch {
      throw .discovery(error)
    }
    try self.init(document, issuer: issuer)
  }

  /// - Throws: Where it names an endpoint that is not protected (SECURITY K-1), or lacks one.
  init(_ document: DiscoveryDocument, issuer: String) throws(CodeFlowFault) {
    let members = document.members
    guard let authorization = try ProviderEndpoints.endpoint("authorization_endpoint", members, issuer) else {
      throw .endpoint("authorization_endpoint", "is missing")
    }
    guard let token = try ProviderEndpoints.endpoint("token_endpoint", members, issuer) else {
      throw .endpoint("token_endpoint", "is missing")
    }
    self.authorization = authorization
    self.token = token
    userinfo = try ProviderEndpoints.endpoint("userinfo_endpoint", members, issuer)
    endSession = try ProviderEndpoints.endpoint("end_session_endpoint", members, issuer)
    sendsIssuer = members["authorization_response_iss_parameter_supported"] == .bool(true)
  }

  /// nil where it is absent, or null.
  private static func endpoint(
    _ name: String, _ members: JSONObject, _ issuer: String
  ) throws(CodeFlowFault) -> String? {
    switch members[name] {
    case nil, .null: return nil
    case .string(let url):
      guard url.utf8.count <= urlBytesMax else { throw .endpoint(name, "is longer than \(urlBytesMax) bytes") }
      // It stands in Location, and parameters are put behind it: RFC 6749 §3.1 allows no fragment.
      guard url.utf8.allSatisfy(mayStandInURL) else { throw .endpoint(name, "is not a URL, or has a fragment") }
      guard FetchAddress.isAllowed(url), isSecured(url) || !isSecured(issuer) else {
        throw .endpoint(name, "is not https")
      }
      return url
    default: throw .endpoint(name, "is not a string")
    }
  }

  private static let urlBytesMax = 2048

  private static func isSecured(_ url: String) -> Bool { url.lowercased().hasPrefix("https://") }

  private static func mayStandInURL(_ byte: UInt8) -> Bool {
    switch byte {
    case 0...0x20, 0x7F...0xFF, UInt8(ascii: "#"), UInt8(ascii: "\""), UInt8(ascii: "<"), UInt8(ascii: ">"),
      UInt8(ascii: "\\"), UInt8(ascii: "^"), UInt8(ascii: "`"), UInt8(ascii: "{"), UInt8(ascii: "|"),
      UInt8(ascii: "}"):
      false
    default: true
    }
  }
}
