import HTTP

/// `forward_auth` as written.
struct ForwardAuthDraft: Sendable {
  var path: Located<String>?
  var peers: [TrustedPeer]?

  static let keys = KeyTable<ForwardAuthDraft>(
    """
    Another proxy forwards the requests, and first asks the gateway whether they may pass: [forward \
    authentication](forward-auth.md).
    """,
    defaults: ForwardAuthDraft(),
    keys: [
      Key(
        "path", ifWritten: \.path, ValueKind.gatewayPath.located, presence: .required,
        """
        The path at which it asks, on any host: `/.portcullis/verify`. No route gets requests for it. With \
        `?mode=redirect` users are sent to sign in.
        """),
      Key(
        "peers", ifWritten: \.peers, .list(of: .trustedPeer, "address blocks"), presence: .required,
        "Who may ask; others are answered 403. What they say about the client in `X-Forwarded-For` is trusted."),
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
      guard traits == [], canonical == bytes, bytes.first == UInt8(ascii: "/"), bytes.count > 1,
        !bytes.contains(UInt8(ascii: "*"))
      else {
        throw ValueFault("cannot be one of the gateway's own paths; write /.portcullis/verify")
      }
      return scalar.text
    }
  }
}
