import Configuration
import HTTP
import JSON
import Proxy
import Tokens

/// Answers with a protected resource's metadata (RFC 9728 §3.2), for clients that ask where to get a token for it.
final class ProtectedResourceMetadata: Responder, Sendable {
  private let document: [UInt8]

  init(_ resource: ProtectedResource, _ configuration: GatewayConfiguration) {
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
    document = (JSONObject(members).map { JSONValue.object($0) } ?? .null).serialized()
  }

  func respond(to request: LocalRequest, completion: @escaping @Sendable (LocalResponse) -> Void) {
    guard request.method == "GET" || request.method == "HEAD" else {
      completion(LocalResponse(status: 405, fields: [("Allow", "GET, HEAD")], body: []))
      return
    }
    completion(
      LocalResponse(
        status: 200,
        fields: [
          ("Content-Type", "application/json"), ("Cache-Control", "public, max-age=300"),
          // Clients that are pages of anywhere look for it too, and it holds nothing of anybody.
          ("Access-Control-Allow-Origin", "*"),
        ],
        body: document))
  }

  static func routes(_ configuration: GatewayConfiguration) -> [LocalRoute] {
    configuration.protectedResources.map {
      LocalRoute(
        host: $0.host, path: $0.metadataPath, responder: ProtectedResourceMetadata($0, configuration))
    }
  }
}
