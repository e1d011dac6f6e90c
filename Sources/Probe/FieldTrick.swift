/// A way to bring a field past a gateway that removes it.
struct FieldTrick: Sendable {
  let name: String
  /// The request, by the field's name and the value that is looked for upstream.
  let request: @Sendable (ForgedRequest, _ name: String, _ value: String) -> [UInt8]

  static let all = spellings + values + lines + messages + targets

  /// Other spellings of the name (SECURITY I-2).
  static let spellings: [FieldTrick] = [
    FieldTrick(name: "as it is") { $0.bytes("\($1): \($2)\r\n") },
    FieldTrick(name: "in lower case") { $0.bytes("\($1.lowercased()): \($2)\r\n") },
    FieldTrick(name: "in upper case") { $0.bytes("\($1.uppercased()): \($2)\r\n") },
    FieldTrick(name: "_ for -") { $0.bytes("\(spelled($1, "_")): \($2)\r\n") },
    FieldTrick(name: ". for -") { $0.bytes("\(spelled($1, ".")): \($2)\r\n") },
    FieldTrick(name: "_ for the last -") { request, name, value in
      guard let dash = name.lastIndex(of: "-") else { return request.bytes("\(name): \(value)\r\n") }
      return request.bytes("\(name[..<dash])_\(name[name.index(after: dash)...]): \(value)\r\n")
    },
    FieldTrick(name: "any other sign for -") { request, name, value in
      // RFC 9110 §5.6.2: what a name may hold beside letters and digits.
      request.bytes("!#$%&'*+^`|~".map { "\(spelled(name, $0)): \(value)\r\n" }.joined())
    },
    FieldTrick(name: "NUL in the name") { $0.bytes("\($1)\0: \($2)\r\n") },
    FieldTrick(name: "beyond ASCII in the name") { $0.bytes("\($1)\u{AD}: \($2)\r\n") },
    FieldTrick(name: "space before the colon") { $0.bytes("\($1) : \($2)\r\n") },
    FieldTrick(name: "tab before the colon") { $0.bytes("\($1)\t: \($2)\r\n") },
    FieldTrick(name: "colon before the name") { $0.bytes(":\($1): \($2)\r\n") },
    FieldTrick(name: "named by Connection") { $0.bytes(options: "close, \($1)", "\($1): \($2)\r\n") },
    FieldTrick(name: "alias named by Connection") { request, name, value in
      let alias = spelled(name, "_")
      return request.bytes(options: "close, \(alias)", "\(alias): \(value)\r\n")
    },
  ]

  private static let values: [FieldTrick] = [
    FieldTrick(name: "twice") { $0.bytes("\($1): \($2)\r\n\($1): \($2)\r\n") },
    FieldTrick(name: "in a list") { $0.bytes("\($1): a, \($2), b\r\n") },
    FieldTrick(name: "spaces and tabs around the value") { $0.bytes("\($1):\t \($2) \t\r\n") },
    FieldTrick(name: "no space before the value") { $0.bytes("\($1):\($2)\r\n") },
    FieldTrick(name: "NUL in the value") { $0.bytes("\($1): \($2)\0\r\n") },
    FieldTrick(name: "CR in the value") { $0.bytes("\($1): \($2)\rb\r\n") },
    FieldTrick(name: "behind one without a value") { $0.bytes("\($1):\r\n\($1): \($2)\r\n") },
  ]

  private static let lines: [FieldTrick] = [
    FieldTrick(name: "value on the next line") { $0.bytes("\($1):\r\n \($2)\r\n") },
    FieldTrick(name: "continues another field") { $0.bytes("X-Probe: a\r\n \($1): \($2)\r\n") },
    FieldTrick(name: "continues another field by a tab") { $0.bytes("X-Probe: a\r\n\t\($1): \($2)\r\n") },
    FieldTrick(name: "continues the request line") { $0.bytesBeginning(with: " \($1): \($2)\r\n") },
    FieldTrick(name: "first field") { $0.bytesBeginning(with: "\($1): \($2)\r\n") },
    FieldTrick(name: "behind a CR") { $0.bytes("X-Probe: a\r\($1): \($2)\r\n") },
    FieldTrick(name: "behind an LF") { $0.bytes("X-Probe: a\n\($1): \($2)\r\n") },
    FieldTrick(name: "behind LF CR") { $0.bytes("X-Probe: a\n\r\($1): \($2)\r\n") },
    FieldTrick(name: "behind a NUL") { $0.bytes("X-Probe: a\0\($1): \($2)\r\n") },
    FieldTrick(name: "behind a vertical tab") { $0.bytes("X-Probe: a\u{0B}\($1): \($2)\r\n") },
    FieldTrick(name: "behind a line without a colon") { $0.bytes("X-Probe\r\n\($1): \($2)\r\n") },
  ]

  /// Where one message ends, and what follows it (RFC 9112 §6 and §7).
  private static let messages: [FieldTrick] = [
    FieldTrick(name: "trailer") {
      $0.bytes("Trailer: \($1)\r\nTransfer-Encoding: chunked\r\n", body: "3\r\nabc\r\n0\r\n\($1): \($2)\r\n\r\n")
    },
    FieldTrick(name: "trailer that is not announced") {
      $0.bytes("Transfer-Encoding: chunked\r\n", body: "3\r\nabc\r\n0\r\n\($1): \($2)\r\n\r\n")
    },
    FieldTrick(name: "chunk extension") {
      $0.bytes("Transfer-Encoding: chunked\r\n", body: "3;\($1)=\($2)\r\nabc\r\n0\r\n\r\n")
    },
    FieldTrick(name: "line break in a chunk extension") {
      $0.bytes("Transfer-Encoding: chunked\r\n", body: "3;a\n\($1): \($2)\r\nabc\r\n0\r\n\r\n")
    },
    FieldTrick(name: "second request") {
      $0.bytes(options: "keep-alive") + $0.bytes("\($1): \($2)\r\n")
    },
    FieldTrick(name: "request in a body") { request, name, value in
      let hidden = request.hidden("\(name): \(value)\r\n")
      return request.bytes("Content-Length: \(hidden.utf8.count)\r\n", body: hidden)
    },
    FieldTrick(name: "request behind Content-Length and chunked") {
      smuggled($0, $1, $2, "Transfer-Encoding: chunked")
    },
    FieldTrick(name: "request behind xchunked") { smuggled($0, $1, $2, "Transfer-Encoding: xchunked") },
    FieldTrick(name: "request behind chunked, identity") {
      smuggled($0, $1, $2, "Transfer-Encoding: chunked, identity")
    },
    FieldTrick(name: "request behind a space before the colon") { smuggled($0, $1, $2, "Transfer-Encoding : chunked") },
    FieldTrick(name: "request behind a vertical tab") { smuggled($0, $1, $2, "Transfer-Encoding:\u{0B}chunked") },
    FieldTrick(name: "request behind Transfer_Encoding") { smuggled($0, $1, $2, "Transfer_Encoding: chunked") },
    FieldTrick(name: "request behind two Content-Lengths") { request, name, value in
      let hidden = request.hidden("\(name): \(value)\r\n")
      return request.bytes("Content-Length: \(hidden.utf8.count)\r\nContent-Length: 0\r\n", body: hidden)
    },
    FieldTrick(name: "request behind Content_Length") { request, name, value in
      let hidden = request.hidden("\(name): \(value)\r\n")
      return request.bytes("Content-Length: \(hidden.utf8.count)\r\nContent_Length: 0\r\n", body: hidden)
    },
    FieldTrick(name: "upgrade") {
      $0.bytes(options: ForgedRequest.upgrade, "\(ForgedRequest.handshake)\($1): \($2)\r\n") + $0.bytes()
    },
  ]

  private static let targets: [FieldTrick] = [
    FieldTrick(name: "HTTP/1.0") { $0.bytes(version: "HTTP/1.0", "\($1): \($2)\r\n") },
    FieldTrick(name: "absolute form") {
      $0.bytes(target: "\($0.scheme)://\($0.host)\($0.path)", "\($1): \($2)\r\n")
    },
    FieldTrick(name: "line break in the path") { $0.bytes(target: "\($0.path)%0d%0a\($1):%20\($2)") },
    FieldTrick(name: "line break in the query") { $0.bytes(target: "\($0.path)?a=%0d%0a\($1):%20\($2)") },
    FieldTrick(name: "space in the target") { $0.bytes(target: "\($0.path) \($1):\($2)") },
    FieldTrick(name: "CR in the target") { $0.bytes(target: "\($0.path)\r\($1):\($2)") },
    FieldTrick(name: "LF behind the version") { $0.bytes(version: "HTTP/1.1\n\($1): \($2)") },
  ]

  /// A request that one server finds behind an empty body, and another inside of one.
  private static func smuggled(
    _ request: ForgedRequest, _ name: String, _ value: String, _ coding: String
  ) -> [UInt8] {
    let body = "0\r\n\r\n" + request.hidden("\(name): \(value)\r\n")
    return request.bytes("Content-Length: \(body.utf8.count)\r\n\(coding)\r\n", body: body)
  }

  private static func spelled(_ name: String, _ sign: Character) -> String {
    String(name.map { $0 == "-" ? sign : $0 })
  }
}

/// A way to bring a cookie past a gateway that removes it.
struct CookieTrick: Sendable {
  let name: String
  let request: @Sendable (ForgedRequest, _ name: String, _ value: String) -> [UInt8]

  static let all: [CookieTrick] = [
    CookieTrick(name: "alone") { $0.bytes(cookies: "\($1)=\($2)") },
    CookieTrick(name: "among others") { $0.bytes(cookies: "a=1; \($1)=\($2); b=2") },
    CookieTrick(name: "without spaces") { $0.bytes(cookies: "a=1;\($1)=\($2);b=2") },
    CookieTrick(name: "twice") { $0.bytes(cookies: "\($1)=\($2); \($1)=\($2)") },
    CookieTrick(name: "quoted") { $0.bytes(cookies: "\($1)=\"\($2)\"") },
    CookieTrick(name: "between quotes") { $0.bytes(cookies: "a=\"1; \($1)=\($2); b=2\"") },
    CookieTrick(name: "behind an empty one") { $0.bytes(cookies: ";; =;\($1)=\($2)") },
    CookieTrick(name: "tabs around the name") { $0.bytes(cookies: "a=1;\t\($1)=\($2)\t") },
    CookieTrick(name: "space behind the name") { $0.bytes(cookies: "a=1; \($1) =\($2)") },
    CookieTrick(name: "in a second line") { $0.bytes(cookies: "a=1\r\nCookie: \($1)=\($2)") },
    CookieTrick(name: "named by Connection") { $0.bytes(options: "close, Cookie", cookies: "\($1)=\($2)") },
    CookieTrick(name: "field in upper case") { $0.bytes("COOKIE: \($1)=\($2)\r\n") },
  ]
}
