import OAuth
import Tokens

@testable import Introspection

extension IntrospectionEndpoint {
  static func example(
    _ authentication: ClientAuthentication, clientID: String = "s6BhdRkqt3"
  ) -> IntrospectionEndpoint {
    IntrospectionEndpoint(
      url: "https://server.example.com/introspect", clientID: clientID, authentication: authentication,
      policy: TokenPolicy(provider: "example", issuer: "https://server.example.com/", audiences: .any))
  }
}
