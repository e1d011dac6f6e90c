/// What a refused client is told: the status, and the request's id to ask an operator about.
public enum ProblemBody {
  /// What the body of a refusal is written in.
  public enum Format: Sendable, CaseIterable {
    /// A problem document (RFC 9457).
    case json
    /// A page, for a browser.
    case html
  }

  /// A small page that says what happened, and whom to ask. `title` and `requestID` are the gateway's own text and need
  /// no escaping.
  public static func html(status: Int, title: String, requestID: String) -> [UInt8] {
    [UInt8](
      """
      <!doctype html>
      <html lang="en">
      <meta charset="utf-8">
      <meta name="viewport" content="width=device-width, initial-scale=1">
      <title>\(status) \(title)</title>
      <style>
      :root { color-scheme: light dark; font: 1rem/1.5 system-ui, sans-serif }
      body { max-width: 36rem; margin: 15vh auto; padding: 0 1rem }
      code { font-size: .875rem }
      </style>
      <h1>\(title)</h1>
      <p>\(explanation(status))</p>
      <p>If you ask for help, give this request ID:</p>
      <p><code>\(requestID)</code></p>
      </html>

      """.utf8)
  }

  /// For people who know nothing of statuses. It tells no more than the status does.
  private static func explanation(_ status: Int) -> String {
    switch status {
    case 401: "This page is for people who have signed in. Sign in, or sign in again, and come back."
    case 403:
      "You may not do this here. If you should be able to, ask whoever gives access to this application."
    case 404: "There is nothing at this address."
    case 429: "You sent too many requests at once. Wait a moment, and try again."
    case 502, 503, 504: "The application cannot be reached at the moment. Try again in a while."
    case 400..<500: "The request could not be understood, or is larger than is allowed here."
    default: "Something went wrong here. It is not your fault; try again in a while."
    }
  }

  /// Whether the first media range of an Accept value is `text/html`, which is what browsers put first; with the weight 0
  /// it is what nobody wants (RFC 9110 §12.4.2).
  public static func prefersHTML(accept bytes: Span<UInt8>, _ value: ByteRange) -> Bool {
    var ranges = ListElements(value)
    guard let first = ranges.next(bytes) else { return false }
    var parts = ListElements(first, separator: UInt8(ascii: ";"))
    guard let type = parts.next(bytes), FieldText.isWord(bytes, type, "text/html") else { return false }
    while let parameter = parts.next(bytes) {
      guard parameter.count > 2, ByteClass.lowered(bytes[parameter.lowerBound]) == UInt8(ascii: "q"),
        bytes[parameter.lowerBound + 1] == UInt8(ascii: "=")
      else { continue }
      var isZero = true
      for index in (parameter.lowerBound + 2)..<parameter.upperBound
      where bytes[index] != UInt8(ascii: "0") && bytes[index] != UInt8(ascii: ".") { isZero = false }
      return !isZero
    }
    return true
  }
}
