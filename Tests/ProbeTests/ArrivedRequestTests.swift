import Testing

@testable import Probe

/// A reader that sees what a careless server would.
@Suite struct ArrivedRequestTests {
  private func arrived(_ fields: String, body: String = "") -> ArrivedRequest {
    ArrivedRequest(Array("GET / HTTP/1.1\r\nHost: a\r\n\(fields)\r\n\(body)".utf8))
  }

  @Test(
    arguments: [
      "X-Auth-User: root\r\n", "x-auth-user:root\r\n", "X_Auth_User: root\r\n", "X.Auth~User: root\r\n",
      "X-Auth-User : root\r\n", " X-Auth-User: root\r\n", "X-A: b\n X-Auth-User: root\r\n", "X-Auth-User:\r\n root\r\n",
      "X-A: b\rX-Auth-User: root\r\n", "X-A: b\nX-Auth-User: root\r\n", "X-A: b\0X-Auth-User: root\r\n",
      "X-Auth-User\0: root\r\n", "X-Auth-User: a, root\r\n", "X-Auth-User: a\r\nX-Auth-User: root\r\n",
      "Content-Length: 0\r\nTransfer-Encoding: chunked\r\n",
    ])
  func seesWhatAnApplicationCouldTakeForTheGatewaysOwn(_ fields: String) {
    #expect(arrived(fields).shows("root", as: "X-Auth-User"))
  }

  @Test func seesARequestBehindTheFirst() {
    let second = "GET / HTTP/1.1\r\nX-Auth-User: root\r\n\r\n"
    #expect(arrived("", body: second).shows("root", as: "X-Auth-User"))
    #expect(arrived("Content-Length: 0\r\n", body: second).shows("root", as: "X-Auth-User"))
    #expect(
      arrived("Transfer-Encoding: chunked\r\n", body: "1\r\na\r\n0\r\n\r\n" + second).shows("root", as: "X-Auth-User"))
  }

  @Test(arguments: ["", "X-Auth-User: alice\r\n", "X-Auth-Users: root\r\n", "X-Other: root\r\n", "XAuthUser: root\r\n"])
  func leavesOtherFieldsAlone(_ fields: String) {
    #expect(!arrived(fields).shows("root", as: "X-Auth-User"))
    #expect(!arrived("Content-Length: 19\r\n", body: "X-Auth-User: root\r\n").shows("root", as: "X-Auth-User"))
  }

  @Test func seesCookies() {
    for line in ["session=root", "a=1; session=root", "a=\"1; session=root; b=\"", "a=1;\t session =\"root\""] {
      #expect(arrived("Cookie: \(line)\r\n").shows("root", inCookie: "session"))
    }
    for line in ["a=root", "sessions=root", "a=1; session=other"] {
      #expect(!arrived("Cookie: \(line)\r\n").shows("root", inCookie: "session"))
    }
  }

  @Test func knowsWhenARequestIsWhole() {
    #expect(arrived("").isWhole)
    #expect(!arrived("Content-Length: 5\r\n", body: "abc").isWhole)
    #expect(!arrived("Transfer-Encoding: chunked\r\n", body: "3\r\nabc\r\n").isWhole)
    #expect(!ArrivedRequest(Array("GET / HTTP/1.1\r\nHost: a\r\n".utf8)).isWhole)
  }
}
