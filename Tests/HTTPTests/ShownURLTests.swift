import HTTP
import Testing

@Suite("What of a URL is shown")
struct ShownURLTests {
  @Test(
    "L-2: neither its query nor user information (RFC 3986 §3.2.1)",
    arguments: [
      ("https://id.example.com/jwks", "https://id.example.com/jwks"),
      ("https://id.example.com/jwks?key=secret", "https://id.example.com/jwks?(hidden)"),
      ("https://id.example.com?key=secret?", "https://id.example.com?(hidden)"),
      ("https://id.example.com/@a/b", "https://id.example.com/@a/b"),
      ("https://u:p@id.example.com/jwks", "https://(hidden)@id.example.com/jwks"),
      ("https://u:p@q@id.example.com", "https://(hidden)@id.example.com"),
      ("https://u@[::1]:1?u:p@b/", "https://(hidden)@[::1]:1?(hidden)"),
      ("/healthz?key=secret", "/healthz?(hidden)"), ("?", "?(hidden)"), ("", ""),
    ])
  func shown(url: String, shown: String) { #expect("\(ShownURL(url))" == shown) }
}
