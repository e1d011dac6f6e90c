/// Traces as OTLP writes them in JSON.
public enum OTLPTraces {
  /// The content of one request to the collector, with the spans of all `pieces`, none of which may be empty.
  public static func request(_ pieces: [SpanBuffer.Piece], _ resource: OTLPResource) -> [UInt8] {
    var text: [UInt8] = []
    text.reserveCapacity(pieces.reduce(1024) { $0 + $1.bytes.count })
    OTLPText.begin("resourceSpans", "scopeSpans", resource, to: &text)
    text += "\"spans\":[".utf8
    for (index, piece) in pieces.enumerated() {
      if index > 0 { text.append(UInt8(ascii: ",")) }
      text += piece.bytes
    }
    text += "]}]}]}".utf8
    return text
  }
}
