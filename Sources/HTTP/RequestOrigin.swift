/// Whether a browser says that a request comes from a page of the same site (RFC 6454 §7, RFC 6455 §10.2).
public enum RequestOrigin {
  /// What a request is for.
  public enum Use {
    case response
    /// What a page opens so goes on for as long as it likes.
    case upgrade
  }

  /// Whether Origin names the host and port of the request itself; or is absent, as from programs, and no browser says
  /// in Sec-Fetch-Site that the page is of another origin.
  ///
  /// A page with `Referrer-Policy: no-referrer` sends its own forms with `Origin: null` (Fetch, §3.2), as do sandboxed
  /// frames and pages of other sites. The browser says in Sec-Fetch-Site which of them it is, and pages cannot write that.
  ///
  /// Behind a proxy that ends TLS the gateway may not know what the browser spoke. But a browser that sends a `__Host-`
  /// or `__Secure-` cookie speaks TLS (RFC 6265bis §4.1.3), and then no page that came in clear is its own: anybody on
  /// the way could have written it.
  ///
  /// - Parameter isSecure: Whether the client is known to speak TLS.
  public static func isOwn(
    _ head: borrowing RequestHead, _ bytes: Span<UInt8>, for use: Use = .response, isSecure: Bool = false
  ) -> Bool {
    if head.originCount == 0 { return !FetchMetadata(head, bytes).isOfOtherOrigin }
    guard head.originCount == 1 else { return false }
    let value = head.fields[head.originLine].value
    if use == .response, value.count == 4, FieldText.isWord(bytes, value, "null") {
      return FetchMetadata(head, bytes).isOfSameOrigin
    }
    let schemes = isSecure || hasSecureCookie(head, bytes) ? ["https://"] : ["http://", "https://"]
    for scheme in schemes where value.count > scheme.utf8.count {
      let end = value.lowerBound + scheme.utf8.count
      guard FieldText.isWord(bytes, ByteRange(value.lowerBound, end), scheme) else { continue }
      do throws(HeadError) {
        let origin = try Authority(bytes, ByteRange(end, value.upperBound))
        let own = try Authority(bytes, head.authority)
        return origin.names(bytes, own, scheme == "https://" ? .https : .http)
      } catch {
        return false
      }
    }
    return false
  }

  private static func hasSecureCookie(_ head: borrowing RequestHead, _ bytes: Span<UInt8>) -> Bool {
    guard head.cookieLine >= 0 else { return false }
    return CookieLine.hasName(beginningWith: securePrefixes, in: bytes, head.fields[head.cookieLine].value)
  }

  private static let securePrefixes = [[UInt8]("__Host-".utf8), [UInt8]("__Secure-".utf8)]
}
