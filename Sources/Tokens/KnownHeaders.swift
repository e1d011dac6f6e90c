/// The headers of tokens that were found good, by their text: an issuer writes the same one into all of its tokens, and
/// a text has one reading. One for each loop.
///
/// Only what stood in a good token is kept, so strangers do not drive out what is needed.
public final class KnownHeaders {
  private var known: [(text: [UInt8], header: JOSEHeader)] = []
  private var oldest = 0

  private static let countMax = 8
  private static let textBytesMax = 1024

  public init() {}

  /// The header that is written so, in base64url, where it is known.
  func find(_ text: Span<UInt8>) -> JOSEHeader? {
    for index in known.indices where KnownHeaders.isSame(known[index].text, text) { return known[index].header }
    return nil
  }

  /// Remembers the header of a token that has been verified.
  public func keep(_ compact: CompactToken, of token: Span<UInt8>) {
    guard compact.headerCount <= KnownHeaders.textBytesMax else { return }
    let text = token.extracting(0..<compact.headerCount)
    guard find(text) == nil else { return }
    let bytes = [UInt8](capacity: text.count) { output in
      for index in text.indices { output.append(text[index]) }
    }
    if known.count < KnownHeaders.countMax {
      known.append((bytes, compact.header))
    } else {
      known[oldest] = (bytes, compact.header)
      oldest = (oldest + 1) % KnownHeaders.countMax
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
