public import Access
import HTTP
import Reason
import Sockets

/// One loop's end of the access log. Used on that loop alone; never waits.
public final class AccessLogRing {
  private let ring: ByteRing?
  private var line: Line
  /// Whether exchanges that are part of a sampled trace are kept for export.
  public var keepsSpans = false
  private var spans = SpanBuffer()
  /// nil: no refusal is remembered.
  private var refusals: RecentRefusals?

  /// One is used for every exchange: its text keeps its room.
  private struct Line: ~Copyable {
    var record = AccessRecord()
    var encoder: LineEncoder
    /// In its place, where that is the format.
    var combined: CombinedEncoder?
    /// Of lines that are remembered, where the log's are no JSON.
    var memory: LineEncoder?

    init(_ format: AccessLog.Format, remembersRefusals: Bool) {
      encoder = LineEncoder(format == .logfmt ? .logfmt : .json)
      combined = format == .combined ? CombinedEncoder() : nil
      memory = remembersRefusals && format != .json ? LineEncoder(.json) : nil
    }

    /// The line alone.
    mutating func bytes() -> [UInt8] {
      if combined != nil {
        combined?.encode(record)
        return combined?.withLine { [UInt8]($0) } ?? []
      }
      encoder.encode(record)
      return encoder.withLine { [UInt8]($0) }
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

    /// Gives the line as JSON, too, which is made once where the log is JSON.
    mutating func writeAndKeep(to ring: ByteRing?) -> [UInt8] {
      if memory != nil {
        if let ring { write(to: ring) }
        memory?.encode(record)
        return memory?.withLine { [UInt8]($0) } ?? []
      }
      encoder.encode(record)
      if let ring { encoder.withLine { _ = ring.push($0) } }
      return encoder.withLine { [UInt8]($0) }
    }
  }

  init(_ ring: ByteRing?, _ format: AccessLog.Format, remembersRefusals: Bool = false) {
    self.ring = ring
    line = Line(format, remembersRefusals: remembersRefusals)
    refusals = remembersRefusals ? RecentRefusals() : nil
  }

  /// That of a loop whose exchanges nobody wants to see.
  public static func none() -> AccessLogRing { AccessLogRing(nil, .json) }

  /// One that remembers refusals, and writes nothing.
  public static func remembering() -> AccessLogRing { AccessLogRing(nil, .json, remembersRefusals: true) }

  /// The line of an exchange in each format, and its spans. They go nowhere.
  public static func lines(of record: AccessRecord) -> [[UInt8]] {
    let lines = [AccessLog.Format.json, .logfmt, .combined].map { format in
      var line = Line(format, remembersRefusals: false)
      line.record = record
      return line.bytes()
    }
    var spans = SpanBuffer()
    spans.add(record)
    return lines + spans.take().pieces.map(\.bytes)
  }

  /// Whether anything comes of a line.
  public var isOn: Bool { ring != nil || refusals != nil || keepsSpans }

  /// The spans since the last call, and how many there was no room for.
  public func takeSpans() -> SpanBuffer.Taken { spans.take() }

  /// What was refused last.
  public var recentRefusals: [RecentRefusals.Part] { refusals?.parts ?? [] }

  /// Writes the line that `fill` makes of the record; drops and counts it where the writer is too far behind.
  ///
  /// - Parameters:
  ///   - fill: Is given what it has filled the last time, and has to set all of it.
  ///   - decided: What the rule was asked about, of a refusal that is remembered.
  public func write(
    _ fill: (inout AccessRecord) -> Void, decided: (borrowing AccessRecord) -> DecidedRequest? = { _ in nil }
  ) {
    guard isOn else { return }
    fill(&line.record)
    if keepsSpans { spans.add(line.record) }
    guard let reason = line.record.reason, refusals != nil else {
      if let ring { line.write(to: ring) }
      return
    }
    let kept = line.writeAndKeep(to: ring)
    refusals?.keep(
      RememberedRefusal(line: kept, decided: decided(line.record)),
      of: RecentRefusals.Kind(reason, isVerified: line.record.isVerified))
  }
}

extension LineEncoder {
  /// The whole line of an exchange.
  fileprivate mutating func encode(_ record: borrowing AccessRecord) {
    begin(at: record.startedAtNanoseconds)
    if let given = record.requestIDGiven {
      add("request_id", given.span)
    } else {
      add("request_id", hexadecimal: record.requestIDHigh, record.requestIDLow)
    }
    if let trace = record.trace { add("trace_id", hexadecimal: trace.traceHigh, trace.traceLow) }
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
      if record.isRefusedByTried { add("tried", reason.rawValue) }
    }
    if let unenforced = record.unenforced { add("shadow", unenforced.rawValue) }
    if let provider = record.provider { add("provider", provider) }
    if let subject = record.subject { add("subject", subject) }
    if !record.claims.isEmpty { add("claims", json: record.claims.span) }
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
  var bounds: Range<Int> { lowerBound..<upperBound }
}
