/// Metrics in Prometheus' text format 0.0.4.
public struct PrometheusText {
  public private(set) var bytes: [UInt8] = []

  public static let mediaType = "text/plain; version=0.0.4; charset=utf-8"

  public enum Kind: String, Sendable { case counter, gauge, histogram }

  /// Label pairs as they stand between braces, escaped.
  public struct Labels: Sendable {
    fileprivate let bytes: [UInt8]

    public static let none = Labels()

    public init(_ pairs: (name: StaticString, value: String)...) {
      var bytes: [UInt8] = []
      for pair in pairs {
        if !bytes.isEmpty { bytes.append(UInt8(ascii: ",")) }
        bytes += "\(pair.name)=\"".utf8
        for byte in pair.value.utf8 {
          switch byte {
          case UInt8(ascii: "\\"), UInt8(ascii: "\""): bytes += [UInt8(ascii: "\\"), byte]
          case UInt8(ascii: "\n"): bytes += [UInt8(ascii: "\\"), UInt8(ascii: "n")]
          default: bytes.append(byte)
          }
        }
        bytes.append(UInt8(ascii: "\""))
      }
      self.bytes = bytes
    }
  }

  public init() { bytes.reserveCapacity(64 << 10) }

  /// Begins a family of samples.
  public mutating func begin(_ name: StaticString, _ kind: Kind, _ help: StaticString) {
    bytes += "# HELP \(name) \(help)\n# TYPE \(name) \(kind.rawValue)\n".utf8
  }

  public mutating func sample(_ name: StaticString, _ labels: Labels, _ value: UInt64) {
    start(name, "", labels)
    decimal(value)
    bytes.append(UInt8(ascii: "\n"))
  }

  public mutating func sample(_ name: StaticString, _ labels: Labels, _ value: Double) {
    start(name, "", labels)
    bytes += "\(value)\n".utf8
  }

  public mutating func sample(_ name: StaticString, _ value: UInt64) { sample(name, .none, value) }

  public mutating func sample(_ name: StaticString, _ value: Double) { sample(name, .none, value) }

  /// All samples of a histogram of seconds.
  public mutating func sample(_ name: StaticString, _ labels: Labels, _ histogram: Histogram) {
    var count: UInt64 = 0
    for index in Histogram.bounds.indices {
      count = histogram.count(upTo: index)
      start(name, "_bucket", labels, bound: PrometheusText.bounds[index])
      decimal(count)
      bytes.append(UInt8(ascii: "\n"))
    }
    start(name, "_bucket", labels, bound: PrometheusText.infinite)
    decimal(histogram.count)
    bytes.append(UInt8(ascii: "\n"))
    start(name, "_sum", labels)
    bytes += "\(Double(histogram.sumMicroseconds) / 1_000_000)\n".utf8
    start(name, "_count", labels)
    decimal(histogram.count)
    bytes.append(UInt8(ascii: "\n"))
  }

  private static let bounds: [[UInt8]] = Histogram.bounds.indices.map {
    [UInt8]("le=\"\(Double(Histogram.bounds[$0]) / 1_000_000)\"".utf8)
  }
  private static let infinite = [UInt8]("le=\"+Inf\"".utf8)

  private mutating func start(
    _ name: StaticString, _ suffix: StaticString, _ labels: Labels, bound: [UInt8] = []
  ) {
    bytes += "\(name)\(suffix)".utf8
    if !labels.bytes.isEmpty || !bound.isEmpty {
      bytes.append(UInt8(ascii: "{"))
      bytes += labels.bytes
      if !labels.bytes.isEmpty, !bound.isEmpty { bytes.append(UInt8(ascii: ",")) }
      bytes += bound
      bytes.append(UInt8(ascii: "}"))
    }
    bytes.append(UInt8(ascii: " "))
  }

  private mutating func decimal(_ value: UInt64) { bytes += String(value).utf8 }
}
