import Crypto
import Testing

@Suite("WebSocket")
struct WebSocketAcceptTests {
  @Test("RFC 6455 §1.3: the accept value of the key there")
  func accept() throws {
    let value = try WebSocketAccept.value(forKey: [UInt8]("dGhlIHNhbXBsZSBub25jZQ==".utf8))
    #expect(value == [UInt8]("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=".utf8))
  }
}
