public import Access
import HTTP
import Reason
import Sockets

/// One loop's end of the access log. Used on that loop alone; never waits.
public final class AccessLogRing {
  private let ring: ByteRing?
  private var kept: Kept

  /// What becomes of exchanges. In one place, so that an exchange costs one access of the class.
  private struct Kept: ~Copyable {
    var line: Line
    var keepsSpans = false
    var spans = SpanBuffer()
    /// nil: no refusal is remembered.
    var refusals: RecentRefusals?

    mutating func write(
      to ring: ByteRing?, _ fill: (inout AccessRecord) -> Void, _ decided: (borrowing AccessRecord) -> DecidedRequest?
    ) {
      fill(&line.record)
      if keepsSpans { spans.add(line.record) }
      guard let reason = line.record.reason, refusals != nil else {
        if let ring { line.write(to: ring) }
        return
      }
      let bytes = line.writeAndKeep(to: ring)
      refusals?.keep(
        RememberedRefusal(line: bytes, decided: decided(line.record)),
        of: RecentRefusals.Kind(reason, isVerified: line.record.isVerified || line.record.subject != nil))
    }
  }

  /// One is used for every exchange: its text keeps its room.
  private struct Line: ~Copyable {
    var record = AccessRecord()
    private let format: AccessLog.Format
    /// Of the log, or of lines that are remembered.
    private var json: LineEncoder<JSONFormat>?
    private var logfmt: LineEncoder<LogfmtFormat>?
    private var combined: CombinedEncoder?

    init(_ format: AccessLog.Format, remembersRefusals: Bool) {
      self.format = format
      json = format == .json || remembersRefusals ? LineEncoder() : nil
      logfmt = format == .logfmt ? LineEncoder() : nil
      combined = format == .combined ? CombinedEncoder() : nil
    }

    /// Writes the record in the log's format.
    private mutating func encode() {
      switch format {
      case .json: json?.encode(record)
      case .logfmt: logfmt?.encode(record)
      case .combined: combined?.encode(record)
      }
    }

    private func withLine<Result>(_ body: (Span<UInt8>) -> Result) -> Result? {
      switch format {
      case .json: json?.withLine(body)
      case .logfmt: logfmt?.withLine(body)
      case .combined: combined?.withLine(body)
      }
    }

    /// The line alone.
    mutating func bytes() -> [UInt8] {
      encode()
      return withLine { [UInt8]($0) } ?? []
    }

    mutating func write(to ring: ByteRing) {
      encode()
      _ = withLine { ring.push($0) }
    }

    /// Gives the line as JSON, too, which is made once where the log is JSON.
    mutating func writeAndKeep(to ring: ByteRing?) -> [UInt8] {
      if let ring { write(to: ring) }
      if format != .json || ring == nil { json?.encode(record) }
      return json?.withLine { [UInt8]($0) } ?? []
    }
  }

  init(_ ring: ByteRing?, _ format: AccessLog.Format, remembersRefusals: Bool = false) {
    self.ring = ring
    kept = Kept(
      line: Line(format, remembersRefusals: remembersRefusals), refusals: remembersRefusals ? RecentRefusals() : nil)
  }

  /// A ring that keeps and writes nothing.
  public static func none() -> AccessLogRing { AccessLogRing(nil, .json) }

  /// A ring that remembers refusals, and writes nothing.
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

  /// Whether anything is done with exchanges: written, remembered or exported.
  public var isOn: Bool { ring != nil || kept.refusals != nil || kept.keepsSpans }

  /// Whether exchanges that are part of a sampled trace are kept for export.
  public var keepsSpans: Bool {
    get { kept.keepsSpans }
    set { kept.keepsSpans = newValue }
  }

  /// Takes the spans that were kept since the last call, and how many there was no room for.
  public func takeSpans() -> SpanBuffer.Taken { kept.spans.take() }

  /// What was refused last, by kind; empty where refusals are not remembered.
  public var recentRefusals: [RecentRefusals.Part] { kept.refusals?.parts ?? [] }

  /// Writes the line of an exchange. Never waits: where the writer is too far behind, the line is dropped and counted.
  ///
  /// - Parameters:
  ///   - fill: Fills in the record. It still holds the exchange before, so all of it has to be set.
  ///   - decided: What the rule was asked about. Called only for a refusal that is remembered.
  public func write(
    _ fill: (inout AccessRecord) -> Void, decided: (borrowing AccessRecord) -> DecidedRequest? = { _ in nil }
  ) {
    if isOn { kept.write(to: ring, fill, decided) }
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
    if record.client.count > 0 { record.client.withBytes { add("client", $0) } }
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
      if let revoker = record.revokedBy { add("revoked_by", revoker.rawValue) }
    }
    if let unenforced = record.unenforced { add("shadow", unenforced.rawValue) }
    if let provider = record.provider { add("provider", provider) }
    if let subject = record.subject { add("subject", subject) }
    if !record.claims.isEmpty { add("claims", json: record.claims.span) }
    if let keyID = record.keyID { add("key_id", keyID) }
    switch record.cache {
    case .hit: add("cache", word: "hit")
    case .miss: add("cache", word: "miss")
    case nil: break
    }
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
