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
      ("https://id.example.com/jwks?to=a@b", "https://id.example.com/jwks?(hidden)"),
      // It cannot be told apart from the next ones, passwords that should have been escaped.
      ("https://id.example.com/@a/b", "https://(hidden)@a/b"),
      ("https://me:hun/ter2@id.example.com/x", "https://(hidden)@id.example.com/x"),
      ("https://me:12/34@id.example.com?key=secret", "https://(hidden)@id.example.com?(hidden)"),
      ("https://me:hun?ter2@id.example.com/x", "(hidden)"), ("https://me:hun/ter?2@id.example.com", "(hidden)"),
      ("https://u:p@id.example.com/jwks", "https://(hidden)@id.example.com/jwks"),
      ("https://u:p@q@id.example.com", "https://(hidden)@id.example.com"),
      ("https://u@[::1]:1?u:p@b/", "https://(hidden)@[::1]:1?(hidden)"),
      ("https:u:p@h.example/k", "(hidden)@h.example/k"), ("h.example/k?key=secret", "h.example/k?(hidden)"),
      ("https:u:p?q@h.example", "(hidden)"), ("127.0.0.1:80", "127.0.0.1:80"), ("a@example.com", "a@example.com"),
      ("/a:b@c", "/a:b@c"), ("/healthz?key=secret", "/healthz?(hidden)"), ("?", "?(hidden)"), ("", ""),
    ])
  func shown(url: String, shown: String) { #expect("\(ShownURL(url))" == shown) }
}
