import CYAML

/// libyaml made safe: bytes in, events out. With `FileSystem` the only code here that sees a pointer.
enum YAMLReader {
  /// Deeper nesting than any key has; bounds the recursion of whoever walks the events.
  static let depthMax = 32

  /// The events of a stream in UTF-8, documents included. Stops at the first syntax error (libyaml cannot resume).
  static func events(of bytes: [UInt8]) throws(YAMLSyntaxFault) -> [YAMLEvent] {
    let text = bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? Array(bytes.dropFirst(3)) : bytes
    // SAFETY: libyaml keeps the address of the parser, hence a heap cell of our own; it is initialized below, before
    // it is read, and freed on every way out.
    let parser = UnsafeMutablePointer<yaml_parser_t>.allocate(capacity: 1)
    defer { unsafe parser.deallocate() }
    guard unsafe yaml_parser_initialize(parser) == 1 else {
      throw YAMLSyntaxFault(problem: "out of memory", context: "", position: Position(line: 1, column: 1))
    }
    defer { unsafe yaml_parser_delete(parser) }
    var outcome = Result<[YAMLEvent], YAMLSyntaxFault>.success([])
    // SAFETY: the parser borrows the bytes; it reads them only within this closure.
    unsafe text.withUnsafeBufferPointer { input in
      unsafe yaml_parser_set_encoding(parser, YAML_UTF8_ENCODING)
      unsafe yaml_parser_set_input_string(parser, input.baseAddress, input.count)
      outcome = unsafe drain(parser, text)
    }
    return try outcome.get()
  }

  private static func drain(
    _ parser: UnsafeMutablePointer<yaml_parser_t>, _ text: [UInt8]
  ) -> Result<[YAMLEvent], YAMLSyntaxFault> {
    var events: [YAMLEvent] = []
    var depth = 0
    while true {
      var event = unsafe yaml_event_t()
      guard unsafe yaml_parser_parse(parser, &event) == 1 else { return .failure(unsafe fault(parser, text)) }
      // SAFETY: libyaml filled the event; its texts are copied by `safe` before it is deleted here.
      defer { unsafe yaml_event_delete(&event) }
      if unsafe event.type == YAML_STREAM_END_EVENT { return .success(events) }
      guard var next = unsafe safe(event) else { continue }
      unsafe next.range = event.start_mark.index..<max(event.start_mark.index, event.end_mark.index)
      switch next.kind {
      case .sequenceStart, .mappingStart: depth += 1
      case .sequenceEnd, .mappingEnd: depth -= 1
      default: break
      }
      guard depth <= depthMax else {
        return .failure(YAMLSyntaxFault(problem: "nested too deeply", context: "", position: next.position))
      }
      events.append(next)
    }
  }

  /// A copy of `event` that holds no pointer; nil for the start of the stream.
  private static func safe(_ event: yaml_event_t) -> YAMLEvent? {
    let position = unsafe position(of: event.start_mark)
    switch unsafe event.type {
    case YAML_DOCUMENT_START_EVENT: return YAMLEvent(kind: .documentStart, position: position)
    case YAML_DOCUMENT_END_EVENT: return YAMLEvent(kind: .documentEnd, position: position)
    case YAML_ALIAS_EVENT: return YAMLEvent(kind: .alias, position: position)
    case YAML_SEQUENCE_END_EVENT: return YAMLEvent(kind: .sequenceEnd, position: position)
    case YAML_MAPPING_END_EVENT: return YAMLEvent(kind: .mappingEnd, position: position)
    case YAML_SEQUENCE_START_EVENT:
      let start = unsafe event.data.sequence_start
      return unsafe YAMLEvent(
        kind: .sequenceStart, position: position, isInBrackets: start.style == YAML_FLOW_SEQUENCE_STYLE,
        decoration: decoration(start.anchor, start.tag))
    case YAML_MAPPING_START_EVENT:
      let start = unsafe event.data.mapping_start
      return unsafe YAMLEvent(
        kind: .mappingStart, position: position, isInBrackets: start.style == YAML_FLOW_MAPPING_STYLE,
        decoration: decoration(start.anchor, start.tag))
    case YAML_SCALAR_EVENT:
      let scalar = unsafe event.data.scalar
      // SAFETY: `value` holds `length` bytes that live as long as the event; they are copied.
      let text = unsafe String(decoding: UnsafeBufferPointer(start: scalar.value, count: scalar.length), as: UTF8.self)
      let style: Scalar.Style = unsafe scalar.style == YAML_PLAIN_SCALAR_STYLE ? .plain : .quoted
      return unsafe YAMLEvent(
        kind: .scalar(text, style), position: position, decoration: decoration(scalar.anchor, scalar.tag))
    default: return nil
    }
  }

  private static func decoration(
    _ anchor: UnsafeMutablePointer<yaml_char_t>?, _ tag: UnsafeMutablePointer<yaml_char_t>?
  ) -> String? {
    if unsafe anchor != nil { return "anchor" }
    return unsafe tag == nil ? nil : "tag"
  }

  private static func fault(_ parser: UnsafeMutablePointer<yaml_parser_t>, _ text: [UInt8]) -> YAMLSyntaxFault {
    // SAFETY: `problem` and `context` are string literals of libyaml or null.
    let problem = unsafe parser.pointee.problem.map { unsafe String(cString: $0) } ?? "out of memory"
    let context = unsafe parser.pointee.context.map { unsafe String(cString: $0) } ?? ""
    var position = unsafe position(of: parser.pointee.problem_mark)
    if unsafe parser.pointee.error == YAML_READER_ERROR {
      // The reader (bad UTF-8, control characters) knows an offset only.
      position = self.position(of: unsafe parser.pointee.problem_offset, in: text)
    } else if !context.isEmpty, problem == "could not find expected ':'" {
      // Found missing when the next thing came; it is missing where the key is.
      position = unsafe self.position(of: parser.pointee.context_mark)
    } else if !context.isEmpty, position >= self.position(of: text.count, in: text) {
      // What is still open at the end of the file is better shown where it was opened.
      position = unsafe self.position(of: parser.pointee.context_mark)
    }
    return YAMLSyntaxFault(problem: problem, context: context, position: position)
  }

  private static func position(of mark: yaml_mark_t) -> Position {
    Position(line: mark.line + 1, column: mark.column + 1)
  }

  private static func position(of offset: Int, in text: [UInt8]) -> Position {
    let before = text.prefix(offset)
    let line = before.count { $0 == UInt8(ascii: "\n") } + 1
    let lastLine = before.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).last ?? []
    // Bytes that continue a character are no column of their own.
    return Position(line: line, column: lastLine.count { $0 & 0xC0 != 0x80 } + 1)
  }
}
