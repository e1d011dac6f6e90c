import HTTP

/// The fields that a message's Connection lines name: they end here (RFC 9110 §7.6.1).
struct ConnectionOptions {
  private var names: [ByteRange] = []

  /// None: Keep-Alive and Upgrade are removed anyway.
  init() {}

  init(_ fields: [FieldLine], _ bytes: Span<UInt8>) {
    for index in fields.indices where fields[index].known == .connection {
      var options = ListElements(fields[index].value)
      while let name = options.next(bytes) {
        if !name.isEmpty { names.append(name) }
      }
    }
  }

  var isEmpty: Bool { names.isEmpty }

  /// Whether one of the names is that of `line`.
  func name(_ bytes: Span<UInt8>, _ line: FieldLine) -> Bool {
    for name in names where name.count == line.name.count {
      var isSame = true
      for offset in 0..<name.count
      where FieldText.lowered(bytes[name.lowerBound + offset])
        != FieldText.lowered(bytes[line.name.lowerBound + offset])
      {
        isSame = false
        break
      }
      if isSame { return true }
    }
    return false
  }
}
