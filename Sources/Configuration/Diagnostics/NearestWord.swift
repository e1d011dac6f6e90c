/// Finds the word that the operator probably meant.
enum NearestWord {
  /// The candidate with the smallest distance to `word`, the first of equals; nil where none is near enough.
  static func find(_ word: String, in candidates: some Sequence<String>) -> String? {
    let folded = fold(word)
    var nearest: (word: String, distance: Int)?
    for candidate in candidates {
      // A word that is so much longer cannot be near, and comparing it would take long.
      guard abs(folded.count - candidate.utf8.count) <= distanceMax(candidate) else { continue }
      let distance = distance(folded, fold(candidate))
      guard distance <= distanceMax(candidate), distance < nearest?.distance ?? Int.max else { continue }
      nearest = (candidate, distance)
    }
    return nearest?.word
  }

  /// `; did you mean "issuer"?`, or nothing.
  static func hint(_ word: String, in candidates: some Sequence<String>) -> String {
    find(word, in: candidates).map { "; did you mean \"\($0)\"?" } ?? ""
  }

  /// Insertions, deletions, replacements and swaps of neighbours between two words (optimal string alignment).
  private static func distance(_ left: [UInt8], _ right: [UInt8]) -> Int {
    var beforePrevious = [Int](repeating: 0, count: right.count + 1)
    var previous = Array(0...right.count)
    for row in left.indices {
      var current = [row + 1]
      for column in right.indices {
        let replacement = previous[column] + (left[row] == right[column] ? 0 : 1)
        var best = min(replacement, previous[column + 1] + 1, current[column] + 1)
        if row > 0, column > 0, left[row] == right[column - 1], left[row - 1] == right[column] {
          best = min(best, beforePrevious[column - 1] + 1)
        }
        current.append(best)
      }
      (beforePrevious, previous) = (previous, current)
    }
    return previous[right.count]
  }

  /// A third of the word, so that short words do not resemble each other.
  private static func distanceMax(_ word: String) -> Int { min(3, max(1, word.utf8.count / 3)) }

  /// Case and the choice of `-` or `_` are no difference.
  private static func fold(_ word: String) -> [UInt8] {
    word.utf8.map { byte in
      switch byte {
      case UInt8(ascii: "A")...UInt8(ascii: "Z"): byte | 0x20
      case UInt8(ascii: "-"): UInt8(ascii: "_")
      default: byte
      }
    }
  }
}
