import HTTP
import JSON

/// A request as `echo` shows it.
struct EchoedRequest {
  private let method: String
  private let target: String
  private var fields: [(name: String, values: [String])] = []
  private var body: [UInt8] = []
  private var bodyCount: UInt64 = 0

  init(_ head: borrowing RequestHead, _ bytes: Span<UInt8>) {
    method = EchoedRequest.text(bytes, head.method)
    target = EchoedRequest.text(bytes, head.target)
    for line in head.fields {
      let name = EchoedRequest.text(bytes, line.name)
      let value = EchoedRequest.text(bytes, line.value)
      if let index = fields.firstIndex(where: { $0.name == name }) {
        fields[index].values.append(value)
      } else {
        fields.append((name, [value]))
      }
    }
  }

  mutating func keep(_ bytes: Span<UInt8>, _ data: ByteRange, most: Int) {
    bodyCount += UInt64(data.count)
    let count = min(data.count, max(most - body.count, 0))
    body.append(bytes, ByteRange(data.lowerBound, data.lowerBound + count))
  }

  var json: [UInt8] {
    var text = "{\n  \"method\": \(JSONValue.quoted(method)),\n  \"target\": \(JSONValue.quoted(target)),\n"
    text += "  \"headers\": {"
    for (index, field) in fields.enumerated() {
      let values = field.values.map(JSONValue.quoted)
      let value = values.count == 1 ? values[0] : "[\(values.joined(separator: ", "))]"
      text += "\(index == 0 ? "" : ",")\n    \(JSONValue.quoted(field.name)): \(value)"
    }
    text += "\n  },\n  \"body_bytes\": \(bodyCount),\n"
    text += "  \"body\": \(JSONValue.quoted(String(decoding: body, as: UTF8.self)))\n}\n"
    return [UInt8](text.utf8)
  }

  private static func text(_ bytes: Span<UInt8>, _ range: ByteRange) -> String {
    String(decoding: [UInt8](bytes, range), as: UTF8.self)
  }
}
