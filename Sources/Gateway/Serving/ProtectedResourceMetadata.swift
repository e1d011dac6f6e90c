import Configuration
import JSON
import Proxy
import SignIn
import Tokens

/// A protected resource's metadata (RFC 9728 §3.2), for clients that ask where to get a token for it.
enum ProtectedResourceMetadata {
  static func routes(_ configuration: GatewayConfiguration) -> [LocalRoute] {
    configuration.protectedResources.map {
      LocalRoute(
        $0.metadata,
        // Clients that are pages of anywhere look for it too.
        responder: PublishedDocument(document($0, configuration), .json))
    }
  }

  private static func document(_ resource: ProtectedResource, _ configuration: GatewayConfiguration) -> [UInt8] {
    let providers = resource.providers.map { configuration.providers[$0] }
    let issuers = providers.filter { $0.certificateRule == nil }.map(\.policy.issuer)
    var members: [JSONObject.Member] = [
      .init(name: "resource", value: .string(resource.resource)),
      .init(name: "authorization_servers", value: .array(issuers.map { .string($0) })),
      .init(name: "bearer_methods_supported", value: .array([.string("header")])),
    ]
    if !resource.scopes.isEmpty {
      members.append(.init(name: "scopes_supported", value: .array(resource.scopes.map { .string($0) })))
    }
    if let name = resource.name { members.append(.init(name: "resource_name", value: .string(name))) }
    if providers.contains(where: { $0.dpop != .off }) {
      let names = DPoPProof.algorithms.map { JSONValue.string($0.rawValue) }
      members.append(.init(name: "dpop_signing_alg_values_supported", value: .array(names)))
      let isRequired = providers.allSatisfy { $0.dpop == .required }
      members.append(.init(name: "dpop_bound_access_tokens_required", value: .bool(isRequired)))
    }
    return (JSONObject(members).map { JSONValue.object($0) } ?? .null).serialized()
  }
}
