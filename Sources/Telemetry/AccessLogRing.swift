import HTTP
import Reason
import Sockets

/// One loop's end of the access log. Used on that loop alone; never waits.
public final class AccessLogRing {
  private let ring: ByteRing?
  private var line: Line
  /// nil: no refusal is remembered.
  private var memory: Memory?

  /// One is used for every exchange: its text keeps its room.
  private struct Line: ~Copyable {
    var record = AccessRecord()
    var encoder: LineEncoder
    /// In its place, where that is the format.
    var combined: CombinedEncoder?

    init(_ format: AccessLog.Format) {
      encoder = LineEncoder(format == .logfmt ? .logfmt : .json)
      combined = format == .combined ? CombinedEncoder() : nil
    }

    mutating func write(to ring: ByteRing) {
      if combined != nil {
        combined?.encode(record)
        combined?.withLine { _ = ring.push($0) }
      } else {
        encoder.encode(record)
        encoder.withLine { _ = ring.push($0) }
      }
    }
  }

  private struct Memory: ~Copyable {
    var encoder = LineEncoder(.json)
    var refusals = RecentRefusals()

    mutating func keep(_ record: borrowing AccessRecord) {
      encoder.encode(record)
      encoder.withLine { refusals.keep($0) }
    }
  }

  init(_ ring: ByteRing?, _ format: AccessLog.Format, remembersRefusals: Bool = false) {
    self.ring = ring
    line = Line(format)
    memory = remembersRefusals ? Memory() : nil
  }

  /// That of a loop whose exchanges nobody wants to see.
  public static func none() -> AccessLogRing { AccessLogRing(nil, .json) }

  /// Whether anything comes of a line.
  public var isOn: Bool { ring != nil || memory != nil }

  /// What was refused last, those that came last first, as JSON lines.
  public var recentRefusals: [[UInt8]] { memory?.refusals.latestFirst ?? [] }

  /// Writes the line that `fill` makes of the record; drops and counts it where the writer is too far behind.
  ///
  /// - Parameter fill: Is given what it has filled the last time, and has to set all of it.
  public func write(_ fill: (inout AccessRecord) -> Void) {
    guard isOn else { return }
    fill(&line.record)
    if line.record.reason != nil { memory?.keep(line.record) }
    if let ring { line.write(to: ring) }
  }
}

extension LineEncoder {
  /// The whole line of an exchange.
  fileprivate mutating func encode(_ record: borrowing AccessRecord) {
    begin()
    add("time", time: record.startedAtNanoseconds)
    if let given = record.requestIDGiven {
      add("request_id", given.span)
    } else {
      add("request_id", hexadecimal: record.requestIDHigh, record.requestIDLow)
    }
    if let client = record.client, client.count > 0 { client.withBytes { add("client", $0) } }
    let text = record.text.span
    if !record.method.isEmpty { add("method", text.extracting(record.method.bounds)) }
    if !record.host.isEmpty { add("host", text.extracting(record.host.bounds)) }
    if !record.path.isEmpty { add("path", text.extracting(record.path.bounds)) }
    if let route = record.route { add("route", route) }
    add("status", Int64(record.status))
    if let reason = record.reason {
      add("reason", reason.rawValue)
      add("blame", reason.blame.rawValue)
    }
    if let provider = record.provider { add("provider", provider) }
    if let subject = record.subject { add("subject", subject) }
    if let keyID = record.keyID { add("key_id", keyID) }
    if let cache = record.cache { add("cache", cache == .hit ? "hit" : "miss") }
    if let upstream = record.upstream {
      add("upstream", upstream)
      add("retries", Int64(record.retries))
    }
    if let auth = record.authenticationMicroseconds { add("auth_us", auth) }
    if let connect = record.connectMicroseconds { add("connect_us", connect) }
    if let first = record.firstByteMicroseconds { add("first_byte_us", first) }
    add("total_us", record.totalMicroseconds)
    add("bytes_in", record.bytesIn)
    add("bytes_out", record.bytesOut)
    add("config", record.generation)
    end()
  }
}

extension ByteRange {
  fileprivate var bounds: Range<Int> { lowerBound..<upperBound }
}
