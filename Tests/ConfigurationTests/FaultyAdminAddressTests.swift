import Testing

@testable import Configuration

@Suite("The admin listener of a faulty file")
struct FaultyAdminAddressTests {
  @Test(
    "It is read where it can be told alone",
    arguments: [
      ("admin: { address: \"127.0.0.1:9901\" }\nroutes: [\n", true),
      ("x: \"\nadmin:\n  address: 127.0.0.1:9901\ny: 1", true),
      ("routes: []\n", false), ("admin: {}\n", false), ("admin:\n", false), ("admin: [\n", false), ("", false),
      // Which of them is meant, nobody knows.
      ("admin: { address: \"127.0.0.1:1\" }\nadmin: { address: \"127.0.0.1:2\" }\n", false),
    ] as [(String, Bool)])
  func address(text: String, isFound: Bool) {
    let found = GatewayConfiguration.adminAddress(ofFaulty: Array(text.utf8), file: "gateway.conf", environment: [:])
    #expect(found == (isFound ? .ipv4("127.0.0.1", port: 9901) : nil))
  }
}
