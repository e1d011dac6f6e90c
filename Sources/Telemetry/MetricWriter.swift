/// What metrics are written with, one family after the other: whatever the format, names and values are the same.
public protocol MetricWriter {
  /// Begins a family of samples: what follows is of it.
  mutating func begin(_ name: StaticString, _ kind: MetricKind, _ help: StaticString)
  mutating func sample(_ labels: MetricLabels, _ value: UInt64)
  mutating func sample(_ labels: MetricLabels, _ value: Double)
  /// A sample for each of `values`, which the label `name` has behind `labels`.
  ///
  /// - Parameter count: The sample's value, by the index in `values`.
  mutating func samples(_ labels: MetricLabels, by name: String, _ values: [String], _ count: (Int) -> UInt64)
  /// All samples of a histogram of seconds.
  mutating func sample(_ labels: MetricLabels, _ histogram: Histogram)
}

extension MetricWriter {
  public mutating func sample(_ value: UInt64) { sample(.none, value) }

  public mutating func sample(_ value: Double) { sample(.none, value) }

  public mutating func samples(
    _ labels: MetricLabels, by name: String, _ values: [String], _ count: (Int) -> UInt64
  ) {
    for (index, value) in values.enumerated() {
      sample(MetricLabels(pairs: labels.pairs + [(name, value)]), count(index))
    }
  }
}

public enum MetricKind: String, Sendable { case counter, gauge, histogram }

/// Names and values that say which sample it is.
public struct MetricLabels: Sendable {
  let pairs: [(name: String, value: String)]

  public static let none = MetricLabels()

  public init(_ pairs: (name: String, value: String)...) { self.pairs = pairs }

  init(pairs: [(name: String, value: String)]) { self.pairs = pairs }
}
