import HTTP
import Testing

@Suite("Whose cookie a Set-Cookie line sets")
struct SetCookieLineTests {
  private func sets(_ text: String) -> Bool {
    let bytes = Array(text.utf8)
    return SetCookieLine.sets([Array("__Host-own".utf8)], bytes.span, ByteRange(0, bytes.count))
  }

  @Test(
    "Ours, however it is written",
    arguments: [
      "__Host-own=x", "__Host-own=", "__Host-own", " __Host-own =x; Path=/", "=__Host-own=x", "__HOST-OWN=x",
      "__Host-own; Path=/", "\t= __Host-own=x", "==__Host-own=x",
    ])
  func ours(text: String) { #expect(sets(text)) }

  @Test(
    "The application's own",
    arguments: ["", "=", "a=__Host-own", "__Host-owner=x", "__Host-ow=x", "a; __Host-own=x", "x__Host-own=x"])
  func others(text: String) { #expect(!sets(text)) }
}
