/// What is looked at of an answer of the gateway.
struct AnswerHead {
  let status: Int
  let requestID: String?

  /// Those of all answers on a connection, each with a Content-Length, as an answer of the probe's upstream or of the
  /// gateway has.
  static func all(in bytes: [UInt8]) -> [AnswerHead] {
    var answers: [AnswerHead] = []
    var rest = bytes
    while let status = Int(String(decoding: rest.prefix(12), as: UTF8.self).split(separator: " ").last ?? "") {
      let answer = ArrivedRequest(rest)
      let id = answer.fields.first { ArrivedRequest.folded($0.name) == "x-request-id" }?.value
      answers.append(AnswerHead(status: status, requestID: id))
      guard answer.isWhole else { break }
      rest = answer.rest
    }
    return answers
  }
}
