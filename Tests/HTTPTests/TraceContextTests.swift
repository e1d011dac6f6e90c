import HTTP
import Testing

@Suite("Trace context")
struct TraceContextTests {
  static let trace = "0af7651916cd43dd8448eb211c80319c"

  static func isValid(_ text: String) -> Bool {
    let bytes = [UInt8](text.utf8)
    return TraceContext.isValid(bytes.span, ByteRange(0, bytes.count))
  }

  @Test(
    "Passed on",
    arguments: [
      "00-\(trace)-b7ad6b7169203331-01", "00-\(trace)-b7ad6b7169203331-00", "00-\(trace)-b7ad6b7169203331-ff",
      "cc-\(trace)-b7ad6b7169203331-01", "cc-\(trace)-b7ad6b7169203331-01-what-comes",
    ])
  func valid(text: String) {
    #expect(Self.isValid(text))
  }

  @Test(
    "Not passed on",
    arguments: [
      "", "00", "00-\(trace)-b7ad6b7169203331-0", "00-\(trace)-b7ad6b7169203331-01-more",
      "ff-\(trace)-b7ad6b7169203331-01", "00-\(trace.uppercased())-b7ad6b7169203331-01",
      "00-00000000000000000000000000000000-b7ad6b7169203331-01", "00-\(trace)-0000000000000000-01",
      "00_\(trace)-b7ad6b7169203331-01", "0g-\(trace)-b7ad6b7169203331-01", "00-\(trace)-b7ad6b716920333x-01",
      "00-\(trace)-b7ad6b7169203331-0x", "cc-\(trace)-b7ad6b7169203331-01x", " 00-\(trace)-b7ad6b7169203331-01",
    ])
  func invalid(text: String) {
    #expect(!Self.isValid(text))
  }
}
