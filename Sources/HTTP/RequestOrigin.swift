/// Whether a browser says that a request comes from a page of the same site (RFC 6454 §7, RFC 6455 §10.2).
public enum RequestOrigin {
  /// Whether Origin is absent, or names the host and port of the request itself.
  ///
  /// Schemes are not compared: behind a proxy that ends TLS the gateway may not know what the browser spoke.
  public static func isOwn(_ head: borrowing RequestHead, _ bytes: Span<UInt8>) -> Bool {
    if head.originCount == 0 { return true }
    guard head.originCount == 1 else { return false }
    let value = head.fields[head.originLine].value
    for scheme in ["http://", "https://"] where value.count > scheme.utf8.count {
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
}
