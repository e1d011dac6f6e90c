/// Writes metrics, one family after the other. Whatever the format, names and values are the same.
public protocol MetricWriter {
  /// Begins a family of samples, to which those that follow belong.
  ///
  /// - Parameter help: One line that says what is measured.
  mutating func begin(_ name: StaticString, _ kind: MetricKind, _ help: StaticString)
  /// Adds a sample of a counter or gauge.
  mutating func sample(_ labels: MetricLabels, _ value: UInt64)
  /// Adds a sample of a counter or gauge.
  mutating func sample(_ labels: MetricLabels, _ value: Double)
  /// Adds a sample for each of `values`, which becomes the value of the label `name`, after `labels`.
  ///
  /// - Parameter count: The sample's value, by the index in `values`.
  mutating func samples(_ labels: MetricLabels, by name: String, _ values: [String], _ count: (Int) -> UInt64)
  /// Adds all samples of a histogram. Its microseconds are written as seconds.
  mutating func sample(_ labels: MetricLabels, _ histogram: Histogram)
}

extension MetricWriter {
  /// Adds the family's only sample, without labels.
  public mutating func sample(_ value: UInt64) { sample(.none, value) }

  /// Adds the family's only sample, without labels.
  public mutating func sample(_ value: Double) { sample(.none, value) }

  /// Adds the samples one by one.
  public mutating func samples(
    _ labels: MetricLabels, by name: String, _ values: [String], _ count: (Int) -> UInt64
  ) {
    for (index, value) in values.enumerated() {
      sample(MetricLabels(pairs: labels.pairs + [(name, value)]), count(index))
    }
  }
}

/// The types of metrics, by their names in Prometheus' text format.
public enum MetricKind: String, Sendable { case counter, gauge, histogram }

/// The labels of a sample, in the order in which they are written.
public struct MetricLabels: Sendable {
  let pairs: [(name: String, value: String)]

  /// No labels.
  public static let none = MetricLabels()

  /// Labels with these names and values. Values may be any text: writers escape them. Names have to be metric label
  /// names.
  public init(_ pairs: (name: String, value: String)...) { self.pairs = pairs }

  init(pairs: [(name: String, value: String)]) { self.pairs = pairs }
}
