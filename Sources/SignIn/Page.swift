/// What pages that people see while they sign in have in common.
enum Page {
  /// - Parameters:
  ///   - title: Escaped.
  ///   - style: CSS; nil: none. The response's Content-Security-Policy has to allow it.
  ///   - main: HTML.
  static func body(title: String, style: String? = nil, main: String) -> [UInt8] {
    let style = style.map { "<style>\($0)</style>\n" } ?? ""
    let text = """
      <!doctype html>
      <html lang="en">
      <head>
      <meta charset="utf-8">
      <meta name="viewport" content="width=device-width, initial-scale=1">
      <meta name="robots" content="noindex">
      <title>\(title)</title>
      \(style)</head>
      <body>
      <main>
      \(main)
      </main>
      </body>
      </html>

      """
    return [UInt8](text.utf8)
  }
}
