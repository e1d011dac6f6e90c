/// The headers of tokens, by their text: an issuer writes the same one into all of its tokens, a stranger mostly too, and
/// a text has one reading. One for each loop.
///
/// Those of tokens that were found good stand apart, so strangers do not drive out what is needed.
public final class KnownHeaders {
  private var good = Few()
  private var others = Few()

  private static let textBytesMax = 1024

  /// No header is known yet.
  public init() {}

  /// The header that is written so, in base64url, where it is known.
  func find(_ text: Span<UInt8>) -> JOSEHeader? { good.find(text) ?? others.find(text) }

  /// Remembers a header that was not known, whatever comes of its token.
  func keep(_ header: JOSEHeader, writtenAs text: Span<UInt8>) {
    if text.count <= KnownHeaders.textBytesMax { others.keep(header, text) }
  }

  /// Remembers the header of a token that has been verified.
  public func keep(_ compact: CompactToken, of token: Span<UInt8>) {
    guard compact.headerCount <= KnownHeaders.textBytesMax else { return }
    let text = token.extracting(0..<compact.headerCount)
    if good.find(text) == nil { good.keep(compact.header, text) }
  }

  /// As many as an issuer that changes its key has, and some more; the oldest leaves.
  private struct Few {
    private var known: [(text: [UInt8], header: JOSEHeader)] = []
    private var oldest = 0

    private static let countMax = 8

    func find(_ text: Span<UInt8>) -> JOSEHeader? {
      for index in known.indices where Few.isSame(known[index].text, text) { return known[index].header }
      return nil
    }

    mutating func keep(_ header: JOSEHeader, _ text: Span<UInt8>) {
      let bytes = [UInt8](capacity: text.count) { output in
        for index in text.indices { output.append(text[index]) }
      }
      if known.count < Few.countMax {
        known.append((bytes, header))
      } else {
        known[oldest] = (bytes, header)
        oldest = (oldest + 1) % Few.countMax
      }
    }

    private static func isSame(_ held: [UInt8], _ text: Span<UInt8>) -> Bool {
      guard held.count == text.count else { return false }
      let held = held.span
      // From the end: headers of one issuer begin alike.
      for index in text.indices.reversed() where held[index] != text[index] { return false }
      return true
    }
  }
}
