/// What a refused client is told: the status, and the request's id to ask an operator about.
public enum ProblemBody {
  /// A small page. `title` and `requestID` are the gateway's own text and need no escaping.
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
      <p>Status \(status). If you ask for help, name this request:</p>
      <p><code>\(requestID)</code></p>
      </html>

      """.utf8)
  }

  /// Whether `text/html` stands in an Accept value before any JSON: a browser asks.
  public static func prefersHTML(accept bytes: Span<UInt8>, _ value: ByteRange) -> Bool {
    let html: InlineArray<9, UInt8> = [0x74, 0x65, 0x78, 0x74, 0x2F, 0x68, 0x74, 0x6D, 0x6C]
    var start = value.lowerBound
    while start + 9 <= value.upperBound {
      var offset = 0
      while offset < 9, ByteClass.lowered(bytes[start + offset]) == html[offset] { offset += 1 }
      if offset == 9 { return true }
      // Only the first media range counts, which is what browsers put first.
      if bytes[start] == 0x2C { return false }
      start += 1
    }
    return false
  }
}
