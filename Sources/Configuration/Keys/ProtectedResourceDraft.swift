import HTTP

/// `protected_resources[]` as written.
struct ProtectedResourceDraft: Sendable {
  var resource: Located<WebAddress>?
  var providers: [Located<String>]?
  var scopes: [String] = []
  var name: String?

  static let keys = KeyTable<ProtectedResourceDraft>(
    """
    Metadata of what is protected here (RFC 9728), for clients that look for it: served at \
    `/.well-known/oauth-protected-resource` in front of the resource's path, and given as `resource_metadata` in the \
    `WWW-Authenticate` of the routes below it.
    """,
    defaults: ProtectedResourceDraft(),
    keys: [
      Key(
        "resource", ifWritten: \.resource, ValueKind.resourceIdentifier.located, presence: .required,
        "The URL by which clients know it: `https://api.example.com` or `https://api.example.com/orders`."),
      Key(
        "providers", ifWritten: \.providers,
        .oneOrMore(of: ValueKind<String>.text("a provider").located, "providers"), presence: .required,
        "The providers whose issuers issue tokens for it (`authorization_servers`)."),
      Key("scopes", \.scopes, .list(of: .text("a scope"), "scopes"), "Scopes that may be requested there."),
      Key("name", ifWritten: \.name, .text("a name"), "Its human-readable name."),
    ])
}

extension ValueKind where Value == WebAddress {
  /// A resource identifier (RFC 9728 §1.2): without a query, and with a path that requests can have.
  fileprivate static var resourceIdentifier: ValueKind {
    .scalar(noun: "a URL", reference: "URL", text: \.text) { scalar throws(ValueFault) in
      guard let address = WebAddress(scalar.text) else { throw ValueFault("is not an https URL") }
      guard address.isProtected else { throw ValueFault("has to be https; http is for loopback addresses only") }
      let bytes = [UInt8](address.path.utf8)
      var canonical: [UInt8] = []
      let traits = try? CanonicalPath.write(bytes.span, ByteRange(0, bytes.count), to: &canonical)
      guard let traits, traits.subtracting(.optionalEscape).isEmpty, bytes.isEmpty || canonical == bytes,
        !address.path.contains("*")
      else {
        throw ValueFault("has a path that no request can have, or a query")
      }
      return address
    }
  }
}
