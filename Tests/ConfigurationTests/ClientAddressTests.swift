import HTTP
import Testing

@testable import Configuration

@Suite("Addresses of clients and proxies")
struct ClientAddressTests {
  @Test("Trusted proxies are blocks, addresses and unix")
  func trustedProxies() throws {
    let text = Sample(top: "trusted_proxies: [10.0.0.0/8, \"2001:db8::/32\", 192.0.2.1, unix]\n").text
    let proxies = try configuration(text).trustedProxies
    let expected = [
      ("10.1.2.3", true), ("11.0.0.0", false), ("2001:db8:1::", true), ("2001:db9::", false), ("192.0.2.1", true),
      ("192.0.2.2", false),
    ]
    for (address, isTrusted) in expected { #expect(proxies.contains(IPAddress(address)) == isTrusted, "\(address)") }
    #expect(proxies.contains(nil))
    let none = try configuration(Sample().text).trustedProxies
    #expect(none.isEmpty && !none.contains(nil) && !none.contains(IPAddress("127.0.0.1")))
  }

  @Test("A listener reads the PROXY protocol only where it says so")
  func proxyProtocol() throws {
    let text = Sample(
      listeners: """
        listeners:
          - address: 127.0.0.1:8080
          - { address: 127.0.0.1:8081, proxy_protocol: true }

        """
    ).text
    #expect(try configuration(text).listeners.map(\.proxyProtocol) == [false, true])
  }

  @Test("A route may be for some clients")
  func clients() throws {
    let keys = "auth: local\n    clients: { allow: [10.0.0.0/8], deny: [10.0.0.1] }"
    let clients = try #require(try configuration(Sample.route(keys).text).routes.first?.clients)
    #expect(clients.admit(IPAddress("10.0.0.2")))
    #expect(!clients.admit(IPAddress("10.0.0.1")))
    #expect(!clients.admit(IPAddress("11.0.0.1")))
    #expect(!clients.admit(nil))
    let denying = ClientAddresses(allowed: nil, denied: clients.denied)
    #expect(denying.admit(IPAddress("11.0.0.1")) && denying.admit(nil) && !denying.admit(IPAddress("10.0.0.1")))
  }

  @Test(
    "What is not a block is refused",
    arguments: [
      ("10.0.0.1/8", "has bits set after its prefix of 8; write the network's first address"),
      ("10.0.0.0/33", "needs a prefix length of 0 to 32 after the slash"),
      ("2001:db8::/129", "needs a prefix length of 0 to 128 after the slash"),
      ("10.0.0.0/", "needs a prefix length of 0 to 32 after the slash"),
      ("10.0.0.0/08", "needs a prefix length of 0 to 32 after the slash"),
      ("proxy.example", "is not an IP address or block; write 10.0.0.0/8, 2001:db8::/32 or one address"),
      ("10.0.0", "is not an IP address or block; write 10.0.0.0/8, 2001:db8::/32 or one address"),
    ])
  func refused(text: String, predicate: String) {
    #expect(faults(Sample(top: "trusted_proxies: [\"\(text)\"]\n").text) == ["3:19: \"\(text)\" \(predicate)"])
    #expect(
      faults(Sample.route("auth: local\n    clients: { deny: [\"\(text)\"] }").text)
        == ["14:23: \"\(text)\" \(predicate)"])
  }

  @Test("Rules that say nothing are refused")
  func empty() {
    #expect(
      faults(Sample.route("auth: local\n    clients: {}").text)
        == ["14:14: an empty mapping, which requires nothing; leave the key out"])
    #expect(
      faults(Sample(top: "trusted_proxies: []\n").text)
        == ["3:18: an empty list; expected a list of address blocks, or leave the key out"])
  }
}
