/// A place in `gateway.conf`. Lines and columns count from 1, columns in characters.
public struct Position: Sendable, Hashable, Comparable {
  /// From 1.
  public let line: Int
  /// From 1, in characters and not bytes.
  public let column: Int

  /// Whether `left` comes first in the file.
  public static func < (left: Position, right: Position) -> Bool {
    (left.line, left.column) < (right.line, right.column)
  }
}
