internal import CJSON

/// simdjson's reading of one text. Owns it; every access stays within the bounds that came with it.
@safe struct Document: ~Copyable {
  private let handle: OpaquePointer
  private let nodes: UnsafeBufferPointer<cjson_node>
  private let texts: UnsafeBufferPointer<UInt8>
  private let depthMax: Int

  init(_ bytes: Span<UInt8>, depthMax: Int) throws(JSONError) {
    var status = CJSON_MALFORMED
    let parsed = unsafe bytes.withUnsafeBufferPointer { buffer in
      unsafe cjson_parse(buffer.baseAddress, buffer.count, depthMax, &status)
    }
    guard let parsed = unsafe parsed else { throw Document.error(status) }
    self.depthMax = depthMax
    unsafe handle = parsed
    var count = 0
    let firstNode = unsafe cjson_nodes(parsed, &count)
    unsafe nodes = UnsafeBufferPointer(start: firstNode, count: count)
    let firstText = unsafe cjson_texts(parsed, &count)
    unsafe texts = UnsafeBufferPointer(start: firstText, count: count)
  }

  deinit { unsafe cjson_free(handle) }

  /// The value at node `next`, which moves behind it.
  ///
  /// - Parameter level: How many arrays and objects it stands in. simdjson bounds it too, but for empty ones.
  func value(_ next: inout Int, level: Int = 0) throws(JSONError) -> JSONValue {
    guard unsafe next < nodes.count else { throw .malformed }
    let node = unsafe nodes[next]
    next += 1
    switch node.kind {
    case CJSON_NULL: return .null
    case CJSON_FALSE: return .bool(false)
    case CJSON_TRUE: return .bool(true)
    case CJSON_INTEGER: return unsafe .integer(node.value.integer)
    case CJSON_NUMBER: return unsafe .number(node.value.number)
    case CJSON_STRING: return .string(try text(node))
    case CJSON_ARRAY:
      guard level < depthMax else { throw .tooDeep }
      var elements: [JSONValue] = []
      let count = Int(node.count)
      elements.reserveCapacity(count)
      for _ in 0..<count { elements.append(try value(&next, level: level + 1)) }
      return .array(elements)
    case CJSON_OBJECT:
      guard level < depthMax else { throw .tooDeep }
      return .object(try object(count: Int(node.count), &next, level: level + 1))
    default: throw .malformed
    }
  }

  private func object(count: Int, _ next: inout Int, level: Int) throws(JSONError) -> JSONObject {
    var members: [JSONObject.Member] = []
    members.reserveCapacity(count)
    for _ in 0..<count {
      guard unsafe next < nodes.count else { throw .malformed }
      let name = try unsafe text(nodes[next])
      next += 1
      members.append(JSONObject.Member(name: name, value: try value(&next, level: level)))
    }
    guard let object = JSONObject(members) else { throw .nameRepeated }
    return object
  }

  private func text(_ node: cjson_node) throws(JSONError) -> String {
    let start = unsafe node.value.offset
    let end = start + Int(node.count)
    guard node.kind == CJSON_STRING, unsafe end <= texts.count else { throw .malformed }
    // simdjson has refused what is no UTF-8, so nothing is repaired here.
    return unsafe String(decoding: UnsafeBufferPointer(rebasing: texts[start..<end]), as: UTF8.self)
  }

  private static func error(_ status: cjson_status) -> JSONError {
    switch status {
    case CJSON_TOO_DEEP: .tooDeep
    case CJSON_NUMBER_OUT_OF_RANGE: .numberOutOfRange
    case CJSON_NOT_UTF8: .notUTF8
    case CJSON_NO_MEMORY: .noMemory
    default: .malformed
    }
  }
}
