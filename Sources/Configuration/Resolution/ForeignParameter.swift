/// A segment of a route's path that is a parameter in other programs, such as `:id` or `[id]`, and a literal here.
struct ForeignParameter: Equatable {
  let written: String
  /// What it probably means: `{id}`.
  let meant: String
  /// How the same literal is written by somebody who means it: with its first character escaped.
  let literal: String

  /// The first one of a path, as it is written.
  static func first(in path: String) -> ForeignParameter? {
    let segments = path.split(separator: "/")
    for (index, segment) in segments.enumerated() {
      if let found = ForeignParameter(segment, isLast: index == segments.count - 1) { return found }
    }
    return nil
  }

  /// nil where it is not one, as far as one can see.
  private init?(_ segment: Substring, isLast: Bool) {
    let (name, takesAll): (Substring, Bool)
    switch segment.first {
    // Express, Rails, Vue; `:path+` is the rest of a path.
    case ":":
      takesAll = segment.hasSuffix("+")
      name = segment.dropFirst().dropLast(takesAll ? 1 : 0)
    // Next.js, SvelteKit; `[...path]`, and `[[...path]]`, which may be absent.
    case "[" where segment.hasSuffix("]"):
      let isOptional = segment.hasPrefix("[[") && segment.hasSuffix("]]")
      let inner = segment.dropFirst(isOptional ? 2 : 1).dropLast(isOptional ? 2 : 1)
      takesAll = inner.hasPrefix("...")
      name = inner.dropFirst(takesAll ? 3 : 0)
    default: return nil
    }
    guard let first = name.utf8.first, !(UInt8(ascii: "0")...UInt8(ascii: "9")).contains(first),
      name.utf8.allSatisfy(ForeignParameter.isOfName)
    else { return nil }
    written = String(segment)
    meant = takesAll && isLast ? "**" : "{\(name.replacing("-", with: "_"))}"
    var escaped = ""
    for character in segment {
      switch character {
      case ":": escaped += "%3A"
      case "[": escaped += "%5B"
      case "]": escaped += "%5D"
      default: escaped.append(character)
      }
    }
    literal = escaped
  }

  private static func isOfName(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "-"):
      true
    default: false
    }
  }
}
