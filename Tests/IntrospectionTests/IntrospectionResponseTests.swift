import Fetch
import Testing

@testable import Introspection

@Suite("Answers of an endpoint (RFC 7662 §2.2)")
struct IntrospectionResponseTests {
  private static func read(
    _ body: String, status: Int = 200, contentType: String? = "application/json"
  ) -> String {
    do throws(IntrospectionFault) {
      let response = FetchResponse(status: status, body: Array(body.utf8), contentType: contentType)
      switch try IntrospectionResponse(response) {
      case .inactive: return "inactive"
      case .active(let claims): return "active: " + String(decoding: claims, as: UTF8.self)
      }
    } catch {
      return "\(error)"
    }
  }

  @Test("An active token, with the example of RFC 7662 §2.2")
  func active() {
    let body = """
      {"active": true, "client_id": "l238j323ds-23ij4", "username": "jdoe", "scope": "read write dolphin",
      "sub": "Z5O3upPC88QrAjx00dis", "aud": "https://protected.example.net/resource",
      "iss": "https://server.example.com/", "exp": 1419356238, "iat": 1419350238, "extension_field": "twenty-seven"}
      """
    #expect(Self.read(body) == "active: " + body)
  }

  @Test("An inactive one, whatever else is said")
  func inactive() {
    #expect(Self.read(#"{"active": false}"#) == "inactive")
    #expect(Self.read(#"{"sub": "alice", "active": false, "exp": 9}"#) == "inactive")
  }

  @Test(
    "What is not clearly said is a fault",
    arguments: [
      "", "{", "[]", "true", "null", "{}", #"{"active": "true"}"#, #"{"active": 1}"#, #"{"active": null}"#,
      #"{"active": [true]}"#, #"{"Active": true}"#, #"{"active": true, "active": false}"#,
      #"{"active": false, "active": true}"#, #"{"active": true, "a\u0063tive": true}"#, #"{"active": true} x"#,
      #"{"active": true}{"active": true}"#, "\u{FEFF}{\"active\": true}", #"{"active": true, "sub": "a", "sub": "b"}"#,
      #"{"active": true,}"#, "{'active': true}", "<html>active: true</html>", #"{"active": {"active": true}}"#,
      #"{"x": {"active": true}}"#,
    ])
  func malformed(body: String) {
    #expect(Self.read(body) == "\(IntrospectionFault.responseMalformed)")
  }

  @Test("Another status than 200 is a fault", arguments: [201, 204, 301, 400, 401, 403, 404, 429, 500, 503])
  func status(status: Int) {
    #expect(Self.read(#"{"active": true}"#, status: status).hasPrefix("the response has status \(status), not 200"))
    #expect(Self.read(#"{"active": false}"#, status: status).hasPrefix("the response has status \(status), not 200"))
  }

  @Test(
    "Media types that are JSON, in any case and with parameters",
    arguments: ["application/json", "Application/JSON", "application/json;charset=UTF-8", "application/json ; x=y"])
  func goodMediaType(contentType: String) {
    #expect(Self.read(#"{"active": false}"#, contentType: contentType) == "inactive")
  }

  @Test(
    "Other media types, and none",
    arguments: [
      nil, "", "text/html", "text/json", "application/jsonp", "application/json-seq", "application",
      "application/token-introspection+jwt", "text/plain; application/json",
    ])
  func otherMediaType(contentType: String?) {
    #expect(Self.read(#"{"active": true}"#, contentType: contentType) == "\(IntrospectionFault.contentType)")
  }
}
