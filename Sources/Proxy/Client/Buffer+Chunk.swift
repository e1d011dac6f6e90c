import HTTP
import Sockets

extension Buffer {
  /// Appends `data` as one chunk (RFC 9112 §7.1); the room was asked for.
  mutating func append(chunk data: Span<UInt8>) {
    guard !data.isEmpty else { return }
    var digits = InlineArray<18, UInt8>(repeating: 0)
    let range = ChunkEncoder.writeSizeLine(data.count, to: &digits)
    append(digits.span.extracting(range))
    append(data)
    append("\r\n")
  }
}
