import Configuration
import Crypto
import HTTP
import Tokens

/// A made-up secret, and every place where one may be put, rightly or by mistake.
struct MadeUpSecret {
  let text: String
  /// The Basic credentials whose user name and password both are the secret (RFC 7617 §2).
  let basic: String

  init(_ bytes: [UInt8]) {
    text = String(decoding: bytes, as: UTF8.self)
    // The common part of base64 and base64url, without padding.
    basic = Base64URL.text([UInt8]("\(text):\(text)".utf8))
  }

  /// A secret that is not a token.
  static func word() throws -> MadeUpSecret { MadeUpSecret([UInt8](Base64URL.text(try RandomBytes.make(32)).utf8)) }

  /// A token with these claims that expires 600 s after `now`, signed by `key`.
  static func token(_ claims: String, _ now: UnixSeconds, keyID: String, _ key: IssuerKey) throws -> MadeUpSecret {
    let parts = ["{\"alg\":\"EdDSA\",\"kid\":\"\(keyID)\"}", "{\"exp\":\(now + 600),\(claims)}"]
    let text = parts.map { Base64URL.text([UInt8]($0.utf8)) }.joined(separator: ".")
    let signature = try key.key.sign([UInt8](text.utf8).span, key.algorithm.scheme)
    return MadeUpSecret([UInt8]("\(text).\(Base64URL.text(signature))".utf8))
  }

  /// What must not appear anywhere.
  var traces: [[UInt8]] { (text.split(separator: ".") + [basic[...]]).map { [UInt8]($0.utf8) } }

  /// The bytes of a request, or of something sent in place of one.
  struct Request {
    let bytes: [UInt8]
    /// The body after a complete head, for responders that read bodies.
    let body: [UInt8]
    /// Whether its sender may see the secret in the response: a page repeats the user name and return path in the next
    /// request.
    var isRepeated = false

    init(_ line: String, host: String = MadeUpSecret.host, _ fields: String = "", body: String = "") {
      bytes = [UInt8]("\(line) HTTP/1.1\r\nHost: \(host)\r\n\(fields)\r\n".utf8)
      self.body = [UInt8](body.utf8)
    }

    init(raw text: String) { (bytes, body) = ([UInt8](text.utf8), []) }
  }

  static let host = "canary"
  /// The host of the second sign-in: a host has only one.
  static let otherHost = "elsewhere.canary"

  /// - Parameter callback: What a browser brings back from a provider: a query without the code, and a cookie.
  func requests(callback: (query: String, cookie: String)?) -> [Request] {
    // Code that reads forms looks at no tokens in them other than a provider's.
    heads + targets + questions + codeFlows(callback) + (isToken ? [] : signIns)
  }

  private var isToken: Bool { text.contains(".") }

  // MARK: Heads

  private static let page = "Sec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: document\r\nAccept: text/html\r\n"

  /// Field lines with the secret in place of a token, the simplest first.
  private var authorizations: [String] {
    let handshake =
      "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
      + "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: "
    return [
      "Authorization: Bearer \(text)\r\n", "\(MadeUpSecret.page)Authorization: bearer  \(text)\r\n",
      "Authorization: DPoP \(text)\r\nDPoP: \(text)\r\n", "Authorization: Bearer \(text)\r\nDPoP: \(text)\r\n",
      "Authorization: Basic \(basic)\r\nProxy-Authorization: Basic \(basic)\r\n", "Authorization: \(text)\r\n",
      "Authorization: Bearer \(text)\r\nAuthorization: Bearer \(text)\r\n",
      "\(handshake)bearer, \(text)\r\n", "\(handshake)\(text), bearer, \(text), \(text)\r\n",
    ]
  }

  private var cookies: [String] {
    let names = ["session", "__Host-portcullis_access", "__Host-portcullis_refresh", "__Host-portcullis_session"]
    return names.map { "\(MadeUpSecret.page)Cookie: \($0)=\(text)\r\n" } + [
      "Cookie: session=\(text); session=\(text)\r\n"
    ]
  }

  /// Field lines that no part of the gateway reads a credential from.
  private var others: [String] {
    [
      "Bad Name: \(text)\r\n", "Expect: \(text)\r\n", "Transfer-Encoding: \(text)\r\n",
      "X-Api-Key: \(text)\r\nReferer: https://a/?code=\(text)\r\n",
      "X-Request-Id: \(text)\r\ntraceparent: 00-\(text)-01\r\nX-Forwarded-For: \(text)\r\nForwarded: for=\(text)\r\n",
    ]
  }

  private var heads: [Request] {
    (authorizations + cookies + others).map { Request("GET /token", $0) }
      + ["rule", "open", "asked"].map { Request("GET /\($0)", authorizations[0]) }
      + (authorizations.prefix(3) + cookies).map { Request("GET /here", $0) }
      + (authorizations.prefix(3) + cookies).map { Request("GET /there", host: MadeUpSecret.otherHost, $0) }
      + (authorizations.prefix(3) + cookies).map { Request("GET /auth/me", $0) }
  }

  private var targets: [Request] {
    [
      "GET /token?access_token=\(text)", "GET /open?\(text)", "GET /nowhere?code=\(text)", "TRACE /open?\(text)",
      "GET /token/../../a?\(text)", "GET /token#access_token=\(text)", "GET http://\(text):\(text)@canary/open?\(text)",
      "GET http://canary/open?\(text)",
    ].map { Request($0) } + [
      Request(raw: "\(text)\r\n\r\n"), Request(raw: "GET /\r\n\r\nAuthorization: Bearer \(text)\r\n\r\n"),
      Request(raw: "GET /open?\(text)"), Request(raw: "GET /open?\(text) HTTP/1.1\r\nHost: canary\r\nX: \(text)"),
    ]
  }

  /// Requests that a proxy asks about.
  private var questions: [Request] {
    let uris = ["/token?access_token=\(text)", "/token#\(text)", "/token \(text)", "http://\(text)@canary/token", ""]
    return uris.map { Request("GET /verify?\(text)", MadeUpSecret.question($0) + "Authorization: Bearer \(text)\r\n") }
      + (authorizations + cookies).map {
        Request("GET /verify?redirect=true&\(text)", MadeUpSecret.question("/token?\(text)") + $0)
      }
      + [Request("GET /verify", MadeUpSecret.question("/token", host: "\(text)@canary"))]
  }

  private static func question(_ uri: String, host: String = MadeUpSecret.host) -> String {
    "X-Forwarded-Method: GET\r\nX-Forwarded-Host: \(host)\r\nX-Forwarded-Uri: \(uri)\r\n"
  }

  // MARK: Bodies

  private var forms: [String] {
    [
      "username=a&password=\(text)&csrf=\(MadeUpSecret.formToken)", "username=a&password=\(text)&csrf=\(text)",
      "password=\(text)&password=\(text)", "grant_type=client_credentials&client_id=\(text)&client_secret=\(text)",
      "grant_type=\(text)&scope=\(text)", "refresh_token=\(text)&everywhere=\(text)&return_to=//\(text)",
      "current_password=\(text)&new_password=\(text)&new_password_again=\(text)&csrf=\(MadeUpSecret.formToken)",
      "\(text)=\(text)", "%zz\(text)", text,
    ]
  }

  private var documents: [String] {
    [
      "{\"username\":\"\(text)\",\"password\":\"\(text)\"}", "{\"username\":\"a\",\"password\":[\"\(text)\"]}",
      "{\"refresh_token\":\"\(text)\"}", "{\"refresh_token\":\"\(text)\",\"everywhere\":\"\(text)\"}",
      "{\"current_password\":\"\(text)\",\"new_password\":\"\(text)\"}", "{\"\(text)\":\"\(text)\"}", "\"\(text)\"",
      "{\"\(text)",
    ]
  }

  /// 16 bytes, as a form's token has.
  private static let formToken = "AAAAAAAAAAAAAAAAAAAAAA"

  private var signIns: [Request] {
    ["login", "refresh", "logout", "password", "token", "me"].flatMap { page in
      bodies(of: "/auth/\(page)")
        + [
          Request("GET /auth/\(page)?\(text)=\(text)", "Authorization: Bearer \(text)\r\n"),
          Request(
            "GET /auth/\(page)", "Cookie: __Host-portcullis_access=\(text); __Host-portcullis_refresh=\(text)\r\n"),
          Request(
            "POST /auth/\(page)", "Authorization: Basic \(basic)\r\n\(MadeUpSecret.form)",
            body: "grant_type=client_credentials"),
        ]
    } + signInsThatRepeat
  }

  private var signInsThatRepeat: [Request] {
    let own = "Origin: http://\(MadeUpSecret.host)\r\nCookie: __Host-portcullis_login=\(MadeUpSecret.formToken)\r\n"
    let body = "username=\(text)&password=a&return_to=/?\(text)&csrf=\(MadeUpSecret.formToken)"
    var requests = [
      Request("GET /auth/login?return_to=/?\(text)"),
      Request("POST /auth/login", "\(own)\(MadeUpSecret.form)", body: body),
    ]
    for index in requests.indices { requests[index].isRepeated = true }
    return requests
  }

  private static let form = "Content-Type: application/x-www-form-urlencoded\r\n"

  private func bodies(of path: String) -> [Request] {
    let own = "Origin: http://\(MadeUpSecret.host)\r\nCookie: __Host-portcullis_login=\(MadeUpSecret.formToken)\r\n"
    return forms.map { Request("POST \(path)", "\(own)\(MadeUpSecret.form)", body: $0) }
      + documents.map { Request("POST \(path)", "Content-Type: application/json\r\n", body: $0) }
      + [Request("POST \(path)", "Content-Type: \(text)\r\n", body: text)]
  }

  private func codeFlows(_ callback: (query: String, cookie: String)?) -> [Request] {
    var requests = [
      Request(
        "POST /oauth/backchannel-logout", host: MadeUpSecret.otherHost, MadeUpSecret.form, body: "logout_token=\(text)"),
      Request("POST /oauth/backchannel-logout", host: MadeUpSecret.otherHost, MadeUpSecret.form, body: text),
    ]
    requests += ["login", "callback", "logout"].map {
      Request(
        "GET /oauth/\($0)?code=\(text)&state=\(text)&error=\(text)&return_to=\(text)", host: MadeUpSecret.otherHost)
    }
    guard let callback else { return requests }
    // A provider answers in several ways.
    return requests
      + ["code=\(text)", "code=\(text)", "code=\(text)", "error=\(text)", "error_description=\(text)&code=\(text)"].map
    {
      Request(
        "GET /oauth/callback?\($0)&\(callback.query)", host: MadeUpSecret.otherHost, "Cookie: \(callback.cookie)\r\n")
    }
  }
}
