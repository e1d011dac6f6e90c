/// `otlp` as written.
struct OTLPDraft: Sendable {
  var url: Located<WebAddress>?
  var tracesPercentage: Int?
  var metricsInterval: Duration?
  var headersFile: Located<String>?
  var certificateAuthority: Located<String>?

  static let keys = KeyTable<OTLPDraft>(
    "[Traces and metrics](telemetry.md) for a collector, by OTLP/HTTP with JSON.",
    defaults: OTLPDraft(),
    keys: [
      Key(
        "url", ifWritten: \.url, ValueKind.fetchedURL.located, presence: .required,
        "The collector's, such as `https://collector:4318`: https, or http on loopback. `/v1/traces` and `/v1/metrics` are appended."
      ),
      Key(
        "traces", \.tracesPercentage, .percentageOrNone(1...100),
        """
        The share of the traces that begin here that is exported. One that a trusted proxy began is exported if the \
        proxy says `sampled`. Upstreams are told the same.
        """),
      Key(
        "metrics", \.metricsInterval, .durationOrNone(.seconds(5) ... .seconds(3600)),
        "How often metrics are exported: those of `/metrics`."),
      Key(
        "headers_file", ifWritten: \.headersFile, ValueKind.path("a file's path").located,
        "A file with header fields for each request, one per line: `Authorization: Bearer …`; not readable by others."),
      Key(
        "ca", ifWritten: \.certificateAuthority, ValueKind.path("a PEM file's path").located,
        "A PEM file with the certificate authorities for the collector's TLS; if omitted, the system's."),
    ])
}

extension ValueKind where Value == Int? {
  /// `10%`, or `none`.
  fileprivate static func percentageOrNone(_ range: ClosedRange<Int>) -> ValueKind {
    let percentage = ValueKind<Int>.percentage(range)
    return ValueKind(
      noun: "a percentage or none", reference: "\(percentage.reference), or `none`",
      text: { $0.map { "\($0)%" } ?? "none" },
      decode: { node, decoding in
        if case .scalar(let scalar) = node.content, scalar.text == "none" { return .some(nil) }
        return percentage.decode(node, &decoding).map(Optional.init)
      })
  }
}
