/// Module `OTLP`: traces and metrics sent to a collector (OTLP/HTTP, opentelemetry.io/docs/specs/otlp).
/// May import: Telemetry, Fetch, JSON, Sockets.
/// Never does: keep more than it is bounded to, or hold up whoever has something to export.

/// What is sent to a collector.
public enum OTLPSignal: String, Sendable { case traces, metrics }

/// What operators want to know.
public enum OTLPEvent: Sendable, Equatable {
  /// The collector accepts none of them. Reported once, until it accepts them again or fails for another reason.
  case failed(OTLPSignal, url: String, why: String)
  /// The collector accepts them again.
  case recovered(OTLPSignal)
  /// The collector did not accept `count` of them; `why` is its word. Reported once a minute at most.
  case partlyRejected(OTLPSignal, count: Int64, why: String)
  /// So many spans were lost since the last report.
  case lost(spans: UInt64)
}

/// Why nothing can be sent as configured.
public enum OTLPError: Error, Sendable, Equatable {
  /// A file cannot be read; the system's word.
  case file(String)
  /// The file with header fields may be read by others than its owner and group.
  case fileIsOpen(String, mode: UInt32)
  /// A line of the file is not a header field; the path and the number of the line.
  case line(String, Int)
  /// libcurl cannot be used.
  case fetch(String)
}

extension OTLPError: CustomStringConvertible {
  /// For operators, without what the file contains.
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
