/// Spans as one request of OTLP has them in JSON.
public enum OTLPTraces {
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
