import Testing

@testable import Probe

/// What an application gets of a proxy that asks first.
@Suite struct AnsweredQuestionTests {
  private static let passes = "HTTP/1.1 200 OK\r\nX-Auth-User: alice\r\nCookie: \r\nContent-Length: 0\r\n\r\n"

  private func shows(_ fields: String, _ response: String = passes) -> Bool {
    AnsweredQuestion(
      request: Array("GET /verify HTTP/1.1\r\nHost: a\r\n\(fields)\r\n".utf8), response: Array(response.utf8)
    ).shows("root", as: "X-Auth-User")
  }

  @Test(arguments: ["X-Auth-User: root\r\n", "x-auth-user: root\r\nX-AUTH-USER:root\r\n", "X-Other: root\r\n", ""])
  func knowsWhatAProxyReplaces(_ fields: String) { #expect(!shows(fields)) }

  @Test(
    arguments: [
      "X_Auth_User: root\r\n", "X.Auth-User: root\r\n", "X-Auth-User : root\r\nX_Auth-User: root\r\n",
      "X-A: b\nX_Auth_User: root\r\n",
    ])
  func seesWhatAProxyLeaves(_ fields: String) {
    #expect(shows(fields))
    // It forwards nothing then.
    #expect(!shows(fields, "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n"))
  }

  @Test func seesWhatTheResponseHas() {
    for field in ["X-Auth-User: root", "Set-Cookie: a=root", "X-Forged-root: 1"] {
      let response = Self.passes.replacing("Cookie: ", with: "\(field)\r\nCookie: ")
      #expect(shows("", response), "\(field)")
      // In the second of two as well.
      #expect(shows("", Self.passes + response), "\(field)")
    }
    // A response that replaces nothing.
    #expect(shows("X-Auth-User: root\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"))
  }
}
