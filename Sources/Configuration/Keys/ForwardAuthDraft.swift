import HTTP

/// `forward_auth` as written.
struct ForwardAuthDraft: Sendable {
  var path: Located<String>?
  var peers: [TrustedPeer]?

  static let keys = KeyTable<ForwardAuthDraft>(
    """
    Another proxy forwards the requests, and asks the gateway first whether they may pass: \
    [forward authentication](forward-auth.md).
    """,
    defaults: ForwardAuthDraft(),
    keys: [
      Key(
        "path", ifWritten: \.path, ValueKind.gatewayPath.located, presence: .required,
        """
        Where it asks, on any host: `/.portcullis/verify`. No route sees requests for it. With `?mode=redirect` people are \
        sent to sign in.
        """),
      Key(
        "peers", ifWritten: \.peers, .list(of: .trustedPeer, "address blocks"), presence: .required,
        "Who may ask; others are answered 403. What they say of the client in `X-Forwarded-For` is believed."),
    ])
}

extension ValueKind where Value == String {
  /// A path of the gateway's own.
  fileprivate static var gatewayPath: ValueKind {
    .scalar(noun: "a path", reference: "path") { scalar throws(ValueFault) in
      var canonical: [UInt8] = []
      let bytes = [UInt8](scalar.text.utf8)
      let traits: PathTraits?
      do throws(PathError) {
        traits = try CanonicalPath.write(bytes.span, ByteRange(0, bytes.count), to: &canonical)
      } catch {
        traits = nil
      }
      guard traits == [], canonical == bytes, bytes.first == UInt8(ascii: "/"), bytes.count > 1 else {
        throw ValueFault("is no path of the gateway's own; write /.portcullis/verify")
      }
      return scalar.text
    }
  }
}
