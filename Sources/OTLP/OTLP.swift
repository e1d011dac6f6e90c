/// Module `OTLP`: traces and metrics sent to a collector (OTLP/HTTP, opentelemetry.io/docs/specs/otlp).
/// May import: Telemetry, Fetch, JSON, Sockets.
/// Never does: keep more than it is bounded to, or hold up whoever has something to export.

/// Which of the two is meant.
public enum OTLPSignal: String, Sendable { case traces, metrics }

/// What operators want to know of it.
public enum OTLPEvent: Sendable, Equatable {
  /// The collector does not take any. Said once, until it goes well again or fails otherwise.
  case failed(OTLPSignal, url: String, why: String)
  case recovered(OTLPSignal)
  /// It took a part; `why` is its word. Said once in a while.
  case partlyRejected(OTLPSignal, count: Int64, why: String)
  /// So many spans were lost since it was said last.
  case lost(spans: UInt64)
}

/// Why nothing can be sent with what is configured.
public enum OTLPError: Error, Sendable, Equatable {
  /// The system's word.
  case file(String)
  /// Others than its owner and group may read it.
  case fileIsOpen(String, mode: UInt32)
  /// It has no field at that line.
  case line(String, Int)
  /// libcurl cannot be used.
  case fetch(String)
}

extension OTLPError: CustomStringConvertible {
  public var description: String {
    switch self {
    case .file(let text): text
    case .fileIsOpen(let path, let mode):
      "\(path): mode \(String(mode, radix: 8)) lets others read it; chmod 600 or 640"
    case .line(let path, let line): "\(path):\(line): not a header field; write a line like `Authorization: Bearer …`"
    case .fetch(let text): text
    }
  }
}
