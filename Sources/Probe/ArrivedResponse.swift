/// What is looked at of a response of the gateway.
struct ArrivedResponse {
  let status: Int
  let fields: [ArrivedRequest.Field]

  var requestID: String? { fields.first { ArrivedRequest.folded($0.name) == "x-request-id" }?.value }

  /// Those of all answers on a connection, each with a Content-Length, as a response of the probe's upstream or of the
  /// gateway has.
  static func all(in bytes: [UInt8]) -> [ArrivedResponse] {
    var responses: [ArrivedResponse] = []
    var rest = bytes
    while let status = Int(String(decoding: rest.prefix(12), as: UTF8.self).split(separator: " ").last ?? "") {
      let response = ArrivedRequest(rest)
      responses.append(ArrivedResponse(status: status, fields: response.fields))
      guard response.isWhole else { break }
      rest = response.rest
    }
    return responses
  }
}
