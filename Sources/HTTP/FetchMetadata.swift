/// What a browser says of why it sends a request (W3C Fetch Metadata Request Headers, §2). Pages cannot write it.
public struct FetchMetadata: Sendable {
  /// `Sec-Fetch-Mode: navigate`.
  public private(set) var isNavigation = false
  /// `Sec-Fetch-Dest: document`: for a window, and not for a frame.
  public private(set) var isForDocument = false
  /// `Sec-Fetch-Dest: empty`. Of a navigation, it says that a service worker of the page's own origin has passed it on:
  /// what it was for is lost on the way (Fetch, "new Request" keeps the mode alone).
  public private(set) var isForNothing = false
  /// `Sec-Fetch-Site: same-origin`.
  public private(set) var isOfSameOrigin = false
  /// `Sec-Fetch-Site: cross-site` or `same-site`.
  public private(set) var isOfOtherOrigin = false
  /// Whether anything is said.
  public private(set) var isThere = false

  /// Reads `Sec-Fetch-Mode`, `Sec-Fetch-Dest` and `Sec-Fetch-Site`; if one of them is repeated, the last line counts.
  ///
  /// - Parameter head: Parsed from `bytes`.
  public init(_ head: borrowing RequestHead, _ bytes: Span<UInt8>) {
    for line in head.fields where line.known == .other && line.name.count >= 13 {
      switch line.name.count {
      case 14 where FieldText.isWord(bytes, line.name, "sec-fetch-mode"):
        isThere = true
        isNavigation = FieldText.isWord(bytes, line.value, "navigate")
      case 14 where FieldText.isWord(bytes, line.name, "sec-fetch-dest"):
        isThere = true
        isForDocument = FieldText.isWord(bytes, line.value, "document")
        isForNothing = FieldText.isWord(bytes, line.value, "empty")
      case 14 where FieldText.isWord(bytes, line.name, "sec-fetch-site"):
        isThere = true
        isOfSameOrigin = FieldText.isWord(bytes, line.value, "same-origin")
        isOfOtherOrigin =
          FieldText.isWord(bytes, line.value, "cross-site") || FieldText.isWord(bytes, line.value, "same-site")
      default: break
      }
    }
  }

  /// Whether somebody waits for a page: a GET by which a window goes somewhere, also through a service worker, or from a
  /// client that says nothing of it and asks for HTML first (SECURITY C-13).
  public static func asksForPage(_ head: borrowing RequestHead, _ bytes: Span<UInt8>) -> Bool {
    guard head.knownMethod == .get else { return false }
    let metadata = FetchMetadata(head, bytes)
    if metadata.isThere { return metadata.isNavigation && (metadata.isForDocument || metadata.isForNothing) }
    return head.acceptLine >= 0 && ProblemBody.prefersHTML(accept: bytes, head.fields[head.acceptLine].value)
  }
}
