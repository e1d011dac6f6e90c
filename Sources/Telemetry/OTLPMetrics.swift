/// Metrics as OTLP writes them in JSON. Sums and histograms are cumulative: they count since the process began.
public struct OTLPMetrics: MetricWriter {
  private var requests: [[UInt8]] = []
  private var text: [UInt8] = []
  private var family: (name: StaticString, kind: MetricKind, help: StaticString)?
  /// Whether the family's beginning stands in the text.
  private var isOpen = false
  private var hasFamilies = false
  private let resource: OTLPResource
  /// Members that every sample has.
  private let times: [UInt8]

  /// Of one request; the sample with which it is reached may go past it.
  private static let requestBytes = 512 * 1024

  /// Begins to write.
  ///
  /// - Parameters:
  ///   - resource: The gateway that the metrics are of.
  ///   - since: When the process began, in nanoseconds since 1970.
  ///   - now: When the samples are taken, in nanoseconds since 1970.
  public init(_ resource: OTLPResource, since: Int64, now: Int64) {
    self.resource = resource
    times = [UInt8]("],\"startTimeUnixNano\":\"\(since)\",\"timeUnixNano\":\"\(now)\",".utf8)
  }

  /// Ends the writing.
  ///
  /// - Returns: The contents of requests to the collector, each small enough to be accepted: a thousand routes need
  ///   several.
  public consuming func finish() -> [[UInt8]] {
    endRequest()
    return requests
  }

  /// Begins a metric. Nothing is written of one that has no samples.
  public mutating func begin(_ name: StaticString, _ kind: MetricKind, _ help: StaticString) {
    endFamily()
    family = (name, kind, help)
  }

  /// Writes a data point with `asInt`.
  public mutating func sample(_ labels: MetricLabels, _ value: UInt64) {
    beginPoint(labels)
    text += "\"asInt\":\"".utf8
    text.append(decimal: value)
    text += "\"}".utf8
  }

  /// Writes a data point with `asDouble`.
  public mutating func sample(_ labels: MetricLabels, _ value: Double) {
    beginPoint(labels)
    text += "\"asDouble\":\(value)}".utf8
  }

  /// Writes a histogram's data point: its buckets, which are not cumulative, and its sum in seconds.
  public mutating func sample(_ labels: MetricLabels, _ histogram: Histogram) {
    beginPoint(labels)
    text += "\"bucketCounts\":[".utf8
    var count: UInt64 = 0
    for index in 0...Histogram.bounds.count {
      if index > 0 { text.append(UInt8(ascii: ",")) }
      text.append(UInt8(ascii: "\""))
      text.append(decimal: histogram.count(of: index))
      text.append(UInt8(ascii: "\""))
      count &+= histogram.count(of: index)
    }
    text += "],\"count\":\"".utf8
    text.append(decimal: count)
    text += "\",\"sum\":\(Double(histogram.sumMicroseconds) / 1_000_000),\"explicitBounds\":".utf8
    text += OTLPMetrics.bounds
    text.append(UInt8(ascii: "}"))
  }

  private static let bounds = [UInt8](
    "[\(Histogram.bounds.indices.map { "\(Double(Histogram.bounds[$0]) / 1_000_000)" }.joined(separator: ","))]".utf8)

  // MARK: Pieces

  private mutating func beginPoint(_ labels: MetricLabels) {
    if text.count >= OTLPMetrics.requestBytes { endRequest() }
    if isOpen { text.append(UInt8(ascii: ",")) } else { openFamily() }
    text += "{\"attributes\":[".utf8
    var attributes = OTLPAttributes()
    for pair in labels.pairs { attributes.add(pair.name, pair.value, to: &text) }
    text += times
  }

  private mutating func openFamily() {
    guard let family else { return }
    if text.isEmpty {
      OTLPText.begin("resourceMetrics", "scopeMetrics", resource, to: &text)
      text += "\"metrics\":[".utf8
    } else if hasFamilies {
      text.append(UInt8(ascii: ","))
    }
    text += "{\"name\":\"\(family.name)\",\"description\":".utf8
    OTLPText.quoted(family.help.description, to: &text)
    let kind =
      switch family.kind {
      case .counter: "sum"
      case .gauge: "gauge"
      case .histogram: "histogram"
      }
    text += ",\"\(kind)\":{\"dataPoints\":[".utf8
    isOpen = true
    hasFamilies = true
  }

  private mutating func endFamily() {
    guard isOpen, let family else { return }
    isOpen = false
    switch family.kind {
    case .counter: text += "],\"aggregationTemporality\":2,\"isMonotonic\":true}}".utf8
    case .gauge: text += "]}}".utf8
    case .histogram: text += "],\"aggregationTemporality\":2}}".utf8
    }
  }

  private mutating func endRequest() {
    endFamily()
    guard !text.isEmpty else { return }
    text += "]}]}]}".utf8
    requests.append(text)
    text = []
    hasFamilies = false
  }
}
