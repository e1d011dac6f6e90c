import HTTP
import Reason
import Sockets

/// One loop's end of the access log. Used on that loop alone; never waits.
public final class AccessLogRing {
  private let ring: ByteRing?
  private var encoder: LineEncoder

  init(_ ring: ByteRing?, _ format: LineEncoder.Format) {
    self.ring = ring
    encoder = LineEncoder(format)
  }

  /// Whether lines are written at all.
  public var isOn: Bool { ring != nil }

  /// Writes the line of an exchange; drops and counts it where the writer is too far behind.
  public func write(_ record: borrowing AccessRecord) {
    guard let ring else { return }
    encoder.begin()
    encoder.add("time", time: record.startedAtNanoseconds)
    encoder.add("request_id", hexadecimal: record.requestIDHigh, record.requestIDLow)
    if let client = record.client, client.count > 0 { client.withBytes { encoder.add("client", $0) } }
    let text = record.text.span
    if !record.method.isEmpty { encoder.add("method", text.extracting(record.method.bounds)) }
    if !record.host.isEmpty { encoder.add("host", text.extracting(record.host.bounds)) }
    if !record.path.isEmpty { encoder.add("path", text.extracting(record.path.bounds)) }
    if let route = record.route { encoder.add("route", route) }
    encoder.add("status", Int64(record.status))
    if let reason = record.reason {
      encoder.add("reason", reason.rawValue)
      encoder.add("blame", reason.blame.rawValue)
    }
    if let provider = record.provider { encoder.add("provider", provider) }
    if let subject = record.subject { encoder.add("subject", subject) }
    if let keyID = record.keyID { encoder.add("key_id", keyID) }
    if let cache = record.cache { encoder.add("cache", cache == .hit ? "hit" : "miss") }
    if let upstream = record.upstream {
      encoder.add("upstream", upstream)
      encoder.add("retries", Int64(record.retries))
    }
    if let auth = record.authenticationMicroseconds { encoder.add("auth_us", auth) }
    if let connect = record.connectMicroseconds { encoder.add("connect_us", connect) }
    if let first = record.firstByteMicroseconds { encoder.add("first_byte_us", first) }
    encoder.add("total_us", record.totalMicroseconds)
    encoder.add("bytes_in", record.bytesIn)
    encoder.add("bytes_out", record.bytesOut)
    encoder.add("config", record.generation)
    encoder.end()
    let line = encoder.line
    ring.push(line.span)
  }
}

extension ByteRange {
  fileprivate var bounds: Range<Int> { lowerBound..<upperBound }
}
