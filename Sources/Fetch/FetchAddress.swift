internal import CCurl

/// Which addresses may be fetched (SECURITY K-1), read by the parser that will connect to them.
public enum FetchAddress {
  /// Whether it is https, or http of a loopback address, and names no user.
  ///
  /// - Parameter inClear: Whether http may be of any address.
  public static func isAllowed(_ url: String, inClear: Bool = false) -> Bool {
    guard let parts = unsafe curl_url() else { return false }
    defer { unsafe curl_url_cleanup(parts) }
    guard unsafe curl_url_set(parts, CURLUPART_URL, url, UInt32(CURLU_DISALLOW_USER)) == CURLUE_OK,
      let scheme = unsafe part(parts, CURLUPART_SCHEME), let host = unsafe part(parts, CURLUPART_HOST)
    else { return false }
    switch scheme {
    case "https": return true
    case "http": return inClear || isLoopback(host)
    default: return false
    }
  }

  /// `localhost`, which libcurl never asks a resolver for, 127.0.0.0/8 and ::1.
  private static func isLoopback(_ host: String) -> Bool {
    if host == "localhost" || host == "[::1]" { return true }
    let parts = host.split(separator: ".", omittingEmptySubsequences: false)
    return parts.count == 4 && parts[0] == "127" && parts.allSatisfy { UInt8($0) != nil }
  }

  @unsafe private static func part(_ parts: OpaquePointer, _ which: CURLUPart) -> String? {
    var text: UnsafeMutablePointer<CChar>?
    guard unsafe curl_url_get(parts, which, &text, 0) == CURLUE_OK, let text = unsafe text else { return nil }
    defer { unsafe curl_free(text) }
    return unsafe String(cString: text).lowercased()
  }
}
