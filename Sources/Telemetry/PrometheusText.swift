import Sockets

/// Metrics in Prometheus' text format 0.0.4.
public struct PrometheusText: MetricWriter {
  public private(set) var bytes: [UInt8] = []
  /// Of the family.
  private var name: [UInt8] = []

  public static let mediaType = "text/plain; version=0.0.4; charset=utf-8"

  public init() { bytes.reserveCapacity(64 << 10) }

  public mutating func begin(_ name: StaticString, _ kind: MetricKind, _ help: StaticString) {
    self.name = [UInt8]("\(name)".utf8)
    bytes += "# HELP \(name) \(help)\n# TYPE \(name) \(kind.rawValue)\n".utf8
  }

  public mutating func sample(_ labels: MetricLabels, _ value: UInt64) {
    start(labels)
    end(value)
  }

  public mutating func sample(_ labels: MetricLabels, _ value: Double) {
    start(labels)
    bytes += "\(value)\n".utf8
  }

  /// As other writers have it, but what all of them have in common is written once.
  public mutating func samples(
    _ labels: MetricLabels, by name: String, _ values: [String], _ count: (Int) -> UInt64
  ) {
    let prefix = prefix([], labels) + name.utf8 + PrometheusText.equals
    let closing = PrometheusText.closing
    for (index, value) in values.enumerated() {
      bytes.append(copying: prefix)
      PrometheusText.write(value, to: &bytes)
      bytes.append(copying: closing)
      end(count(index))
    }
  }

  public mutating func sample(_ labels: MetricLabels, _ histogram: Histogram) {
    var count: UInt64 = 0
    let prefix = prefix(PrometheusText.bucket, labels)
    let bounds = PrometheusText.bounds
    for index in bounds.indices {
      count &+= histogram.count(of: index)
      bytes.append(copying: prefix)
      bytes.append(copying: bounds[index])
      end(count)
    }
    start(labels, PrometheusText.sum)
    end(seconds: histogram.sumMicroseconds)
    start(labels, PrometheusText.count)
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

  private mutating func start(_ labels: MetricLabels, _ suffix: [UInt8] = []) {
    bytes.append(copying: name)
    bytes.append(copying: suffix)
    if !labels.pairs.isEmpty {
      bytes.append(UInt8(ascii: "{"))
      PrometheusText.write(labels, to: &bytes)
      bytes.append(UInt8(ascii: "}"))
    }
    bytes.append(UInt8(ascii: " "))
  }

  /// What samples begin with that have one more label behind `labels`.
  private func prefix(_ suffix: [UInt8], _ labels: MetricLabels) -> [UInt8] {
    var prefix = name + suffix
    prefix.append(UInt8(ascii: "{"))
    PrometheusText.write(labels, to: &prefix)
    if !labels.pairs.isEmpty { prefix.append(UInt8(ascii: ",")) }
    return prefix
  }

  /// As they stand between braces, escaped.
  private static func write(_ labels: MetricLabels, to bytes: inout [UInt8]) {
    for (index, pair) in labels.pairs.enumerated() {
      if index > 0 { bytes.append(UInt8(ascii: ",")) }
      bytes += pair.name.utf8
      bytes += equals
      write(pair.value, to: &bytes)
      bytes.append(UInt8(ascii: "\""))
    }
  }

  /// As it stands between quotes, escaped.
  private static func write(_ value: String, to bytes: inout [UInt8]) {
    let value = value.utf8
    guard value.contains(where: isEscaped) else {
      bytes += value
      return
    }
    for byte in value {
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
