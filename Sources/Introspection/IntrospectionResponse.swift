internal import Fetch
internal import JSON

/// What an endpoint says of a token (RFC 7662 §2.2), read strictly: whatever is not clearly said is a fault, and no one
/// is let in by it.
enum IntrospectionResponse {
  /// RFC 7662 §2.2 gives no reason, and none is read.
  case inactive
  /// The whole response, a JSON object: its members are the token's claims.
  case active([UInt8])

  init(_ response: FetchResponse) throws(IntrospectionFault) {
    guard response.status == 200 else { throw .status(response.status) }
    guard response.contentType.map(IntrospectionResponse.isJSON) ?? false else { throw .contentType }
    guard let members = try? JSON.parse(response.body.span).object, case .bool(let isActive) = members["active"] else {
      throw .responseMalformed
    }
    self = isActive ? .active(response.body) : .inactive
  }

  /// Whether the media type is `application/json`, in any case and with any parameters (RFC 9110 §8.3.1).
  private static func isJSON(_ contentType: String) -> Bool {
    let type = contentType.prefix { $0 != ";" && $0 != " " && $0 != "\t" }
    return type.lowercased() == "application/json"
  }
}
