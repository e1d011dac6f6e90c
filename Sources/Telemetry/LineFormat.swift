/// How the pairs of a log line are written.
///
/// A type and not a value: each line is then encoded by code that has only what its format needs, and no branch for the
/// other in each of its twenty pairs.
protocol LineFormat {
  static var isJSON: Bool { get }
}

/// An object of JSON (RFC 8259) on one line.
enum JSONFormat: LineFormat {
  static var isJSON: Bool { true }
}

/// `name=value`, in quotes where a value needs them.
enum LogfmtFormat: LineFormat {
  static var isJSON: Bool { false }
}

/// What a log line is bounded by.
enum LineLimits {
  /// Bytes of a value that are written; a longer one ends in `…`.
  static let valueBytesMax = 2048
  /// What one byte of a value becomes at most: `\u001f`.
  static let escapedBytesMax = 6
  /// Of a name with its quotes, a number or a time, and what is between them.
  static let pairBytesMax = 128
  /// What a line may have.
  static let pairsMax = 32
}
