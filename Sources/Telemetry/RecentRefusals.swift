import HTTP
import Sockets

/// The access lines of what one loop refused last, as JSON. Used on that loop alone.
public struct RecentRefusals {
  private var lines: [[UInt8]] = []
  private var next = 0

  public static let countMax = 256

  init() {}

  /// Takes the place of the oldest, whose room it uses.
  mutating func keep(_ line: Span<UInt8>) {
    if lines.count < RecentRefusals.countMax {
      lines.append([])
      next = lines.count - 1
    }
    lines[next].removeAll(keepingCapacity: true)
    for index in line.indices { lines[next].append(line[index]) }
    next = (next + 1) % RecentRefusals.countMax
  }

  /// Those that came last first.
  public var latestFirst: [[UInt8]] {
    guard lines.count == RecentRefusals.countMax else { return lines.reversed() }
    return (lines[next...] + lines[..<next]).reversed()
  }
}
