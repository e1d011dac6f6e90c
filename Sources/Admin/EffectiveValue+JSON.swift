public import Configuration
public import JSON

extension EffectiveValue {
  /// Texts, lists and mappings, as they are written.
  public var json: JSONValue {
    switch self {
    case .text(let text): .string(text)
    case .list(let values): .array(values.map(\.json))
    case .mapping(let entries):
      JSONObject(entries.map { .init(name: $0.key, value: $0.value.json) }).map { .object($0) } ?? .null
    }
  }
}
