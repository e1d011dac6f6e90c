/// A place in `gateway.conf`. Lines and columns count from 1, columns in characters.
public struct Position: Sendable, Hashable, Comparable {
  public let line: Int
  public let column: Int

  public static func < (left: Position, right: Position) -> Bool {
    (left.line, left.column) < (right.line, right.column)
  }
}
