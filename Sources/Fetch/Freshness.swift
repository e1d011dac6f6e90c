/// How long a response says that it stays fresh (RFC 9111 §4.2), as a client that keeps it for itself reads it.
///
/// `s-maxage` is for caches that many clients share and is passed over, and so is `Expires`: it depends on two clocks.
public enum Freshness: Sendable, Equatable {
  /// There was no Cache-Control, or one that says nothing of the kind.
  case unsaid
  /// `no-cache` or `no-store` (RFC 9111 §5.2.2.4, §5.2.2.5), whatever `max-age` stands beside it.
  case notToBeKept
  /// What was left of `max-age` (§5.2.2.1) when the response came: the seconds that it had spent elsewhere (Age, §5.1)
  /// are taken off; zero where it was stale already.
  case fresh(Duration)
}

/// The fields of a response that say how long it stays fresh.
struct FreshnessFields {
  private var maxAge: Int64?
  private var isNotToBeKept = false
  /// Seconds, 0 to 2^31.
  private(set) var age: Int64 = 0

  var freshness: Freshness {
    if isNotToBeKept { return .notToBeKept }
    return maxAge.map { .fresh(.seconds(max($0 - age, 0))) } ?? .unsaid
  }

  /// Takes one Cache-Control line: directives with commas between (RFC 9111 §5.2), each with a value or without, which
  /// is a token or a quoted string.
  mutating func add(cacheControl line: String) {
    for directive in FreshnessFields.split(line) {
      let parts = directive.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      let name = FreshnessFields.trimmed(parts[0]).lowercased()
      let value = parts.count == 2 ? FreshnessFields.unquoted(FreshnessFields.trimmed(parts[1])) : nil
      switch name {
      case "no-store": isNotToBeKept = true
      // With field names it is about those fields alone.
      case "no-cache" where value == nil: isNotToBeKept = true
      case "max-age":
        // Of two that differ the shorter one counts; one that cannot be read means stale (§4.2.1).
        let seconds = value.flatMap { FreshnessFields.seconds($0) } ?? 0
        maxAge = min(maxAge ?? seconds, seconds)
      default: break
      }
    }
  }

  /// Takes an Age line; the oldest counts, and one that cannot be read does not.
  mutating func add(age line: String) {
    age = max(age, FreshnessFields.seconds(FreshnessFields.trimmed(line[...])) ?? 0)
  }

  /// RFC 9111 §1.2.2: digits, of which any number that is too large means 2^31.
  private static func seconds(_ text: Substring) -> Int64? {
    guard !text.isEmpty, text.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }) else {
      return nil
    }
    return min(Int64(text) ?? secondsMax, secondsMax)
  }

  private static let secondsMax: Int64 = 1 << 31

  /// The elements of a list; a comma in a quoted string is no border.
  private static func split(_ line: String) -> [Substring] {
    var elements: [Substring] = []
    var start = line.startIndex
    var isQuoted = false
    var isEscaped = false
    for index in line.indices {
      if isEscaped {
        isEscaped = false
        continue
      }
      switch line[index] {
      case "\\" where isQuoted: isEscaped = true
      case "\"": isQuoted.toggle()
      case "," where !isQuoted:
        elements.append(line[start..<index])
        start = line.index(after: index)
      default: break
      }
    }
    elements.append(line[start...])
    return elements
  }

  private static func trimmed(_ text: Substring) -> Substring {
    var text = text
    while let first = text.first, first == " " || first == "\t" { text.removeFirst() }
    while let last = text.last, last == " " || last == "\t" { text.removeLast() }
    return text
  }

  private static func unquoted(_ text: Substring) -> Substring {
    guard text.count >= 2, text.first == "\"", text.last == "\"" else { return text }
    return text.dropFirst().dropLast()
  }
}
