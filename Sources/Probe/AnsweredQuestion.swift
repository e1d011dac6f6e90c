/// What a proxy was told that asks before it forwards a request itself, and what it forwards then: the request, with the
/// fields of the response in place of those of the same name.
struct AnsweredQuestion {
  private let request: ArrivedRequest
  private let responses: [ArrivedResponse]

  init(request: [UInt8], response: [UInt8]) {
    self.request = ArrivedRequest(request)
    responses = ArrivedResponse.all(in: response)
  }

  /// Whether `text` stands in any field of a response.
  func shows(_ text: String) -> Bool {
    responses.contains { $0.fields.contains { $0.value.contains(text) || $0.name.contains(text) } }
  }

  /// Whether an application could take `text`, which the client sent, for the gateway's own `name`.
  ///
  /// Proxies replace a field by its name, in any case; in another spelling it stays, and applications may take it for
  /// the same.
  func shows(_ text: String, as name: String) -> Bool {
    if shows(text) { return true }
    guard responses.count == 1, let response = responses.first, response.status == 200 else { return false }
    let folded = ArrivedRequest.folded(name)
    return request.fields.contains { field in
      ArrivedRequest.folded(field.name) == folded && field.value.contains(text)
        && !response.fields.contains { $0.name.lowercased() == field.name.lowercased() }
    }
  }
}
