import Sockets

/// Metrics in Prometheus' text format 0.0.4.
public struct PrometheusText: MetricWriter {
  /// What was written so far.
  public private(set) var bytes: [UInt8] = []
  /// Of the family.
  private var name: [UInt8] = []
  /// Those of the sample that is written, as they stand between braces.
  private var labels: [UInt8] = []
  /// What samples have in common that differ in one more label. Kept, so that a thousand routes allocate it once.
  private var prefix: [UInt8] = []

  /// The Content-Type of a response with such a text.
  public static let mediaType = "text/plain; version=0.0.4; charset=utf-8"

  /// An empty text.
  public init() { bytes.reserveCapacity(64 << 10) }

  /// Writes the family's lines `# HELP` and `# TYPE`.
  public mutating func begin(_ name: StaticString, _ kind: MetricKind, _ help: StaticString) {
    self.name = [UInt8]("\(name)".utf8)
    bytes += "# HELP \(name) \(help)\n# TYPE \(name) \(kind.rawValue)\n".utf8
  }

  /// Writes a sample of the family that `begin` has begun.
  public mutating func sample(_ labels: MetricLabels, _ value: UInt64) {
    encode(labels)
    start()
    end(value)
  }

  /// Writes a sample of the family that `begin` has begun.
  public mutating func sample(_ labels: MetricLabels, _ value: Double) {
    encode(labels)
    start()
    bytes += "\(value)\n".utf8
  }

  /// A sample for each of `values`. What all of them have in common is made only once.
  public mutating func samples(
    _ labels: MetricLabels, by name: String, _ values: [String], _ count: (Int) -> UInt64
  ) {
    encode(labels)
    common([])
    prefix += name.utf8
    prefix.append(copying: PrometheusText.equals)
    let closing = PrometheusText.closing
    for (index, value) in values.enumerated() {
      bytes.append(copying: prefix)
      PrometheusText.write(value, to: &bytes)
      bytes.append(copying: closing)
      end(count(index))
    }
  }

  /// Writes a histogram's cumulative buckets, up to `+Inf`, its sum in seconds and its count.
  public mutating func sample(_ labels: MetricLabels, _ histogram: Histogram) {
    var count: UInt64 = 0
    encode(labels)
    common(PrometheusText.bucket)
    let bounds = PrometheusText.bounds
    for index in bounds.indices {
      count &+= histogram.count(of: index)
      bytes.append(copying: prefix)
      bytes.append(copying: bounds[index])
      end(count)
    }
    start(PrometheusText.sum)
    end(seconds: histogram.sumMicroseconds)
    start(PrometheusText.count)
    end(count)
  }

  private static let equals = [UInt8]("=\"".utf8)
  private static let closing = [UInt8]("\"} ".utf8)
  private static let bucket = [UInt8]("_bucket".utf8)
  private static let sum = [UInt8]("_sum".utf8)
  private static let count = [UInt8]("_count".utf8)
  private static let bounds: [[UInt8]] =
    Histogram.bounds.indices.map { [UInt8]("le=\"\(Double(Histogram.bounds[$0]) / 1_000_000)\"} ".utf8) }
    + [[UInt8]("le=\"+Inf\"} ".utf8)]

  /// Begins a sample of the labels that were encoded last.
  private mutating func start(_ suffix: [UInt8] = []) {
    bytes.append(copying: name)
    bytes.append(copying: suffix)
    if !labels.isEmpty {
      bytes.append(UInt8(ascii: "{"))
      bytes.append(copying: labels)
      bytes.append(UInt8(ascii: "}"))
    }
    bytes.append(UInt8(ascii: " "))
  }

  /// Makes the prefix of samples that have one more label behind those that were encoded last.
  private mutating func common(_ suffix: [UInt8]) {
    prefix.removeAll(keepingCapacity: true)
    prefix.append(copying: name)
    prefix.append(copying: suffix)
    prefix.append(UInt8(ascii: "{"))
    prefix.append(copying: labels)
    if !labels.isEmpty { prefix.append(UInt8(ascii: ",")) }
  }

  private mutating func encode(_ labels: MetricLabels) {
    self.labels.removeAll(keepingCapacity: true)
    for (index, pair) in labels.pairs.enumerated() {
      if index > 0 { self.labels.append(UInt8(ascii: ",")) }
      self.labels += pair.name.utf8
      self.labels.append(copying: PrometheusText.equals)
      PrometheusText.write(pair.value, to: &self.labels)
      self.labels.append(UInt8(ascii: "\""))
    }
  }

  /// As it stands between quotes, escaped.
  private static func write(_ value: String, to bytes: inout [UInt8]) {
    let span = value.utf8.span
    guard span.indices.contains(where: { isEscaped(span[$0]) }) else {
      bytes += value.utf8
      return
    }
    for byte in value.utf8 {
      switch byte {
      case UInt8(ascii: "\\"), UInt8(ascii: "\""): bytes += [UInt8(ascii: "\\"), byte]
      case UInt8(ascii: "\n"): bytes += [UInt8(ascii: "\\"), UInt8(ascii: "n")]
      default: bytes.append(byte)
      }
    }
  }

  private static func isEscaped(_ byte: UInt8) -> Bool {
    byte == UInt8(ascii: "\\") || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\n")
  }

  /// Seconds of so many microseconds, exactly: a thousand routes have a thousand sums.
  private mutating func end(seconds microseconds: UInt64) {
    bytes.append(decimal: microseconds / 1_000_000)
    bytes.append(UInt8(ascii: "."))
    var rest = microseconds % 1_000_000
    // One digit, and no zeros behind the last one.
    var unit: UInt64 = 100_000
    repeat {
      bytes.append(UInt8(ascii: "0") + UInt8(truncatingIfNeeded: rest / unit))
      rest %= unit
      unit /= 10
    } while rest > 0
    bytes.append(UInt8(ascii: "\n"))
  }

  private mutating func end(_ value: UInt64) {
    bytes.append(decimal: value)
    bytes.append(UInt8(ascii: "\n"))
  }
}
