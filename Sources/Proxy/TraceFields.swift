import HTTP

/// What an upstream is told of the trace that a request belongs to (W3C Trace Context, §4.3).
struct TraceFields {
  /// Whether the client's `traceparent` and `tracestate` go on: one that is well-formed.
  let areKept: Bool

  init(_ head: borrowing RequestHead, _ bytes: Span<UInt8>) {
    areKept =
      head.traceparentCount == 1 && TraceContext.isValid(bytes, head.fields[head.traceparentLine].value)
  }

  /// Begins a trace, where none goes on: its id is the request's, so that one leads to the other.
  ///
  /// It says `sampled`: what upstreams record shall be as if they were asked directly, and most follow a parent that
  /// says no.
  func write(_ requestID: RequestID, to writer: inout HeadWriter) {
    if areKept { return }
    writer.write("traceparent: 00-")
    writer.write(hexadecimal: requestID.high)
    writer.write(hexadecimal: requestID.low)
    writer.write("-")
    // Any but zero: of this span nothing else is said.
    writer.write(hexadecimal: requestID.low | 1)
    writer.write("-01\r\n")
  }
}
