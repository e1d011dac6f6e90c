import Configuration
import Tokens

/// A file of revoked tokens revokes what it names, where it names it, and nothing else.
enum RevocationsTarget {
  private static let providers = ["idp", "partner"]

  static func check(_ input: Span<UInt8>) throws(Violation) -> Outcome {
    let entries = entries(of: input)
    switch RevocationList.parse(Array(copying: input), file: "revoked", providers: providers) {
    case .success(let revocations):
      guard let entries else { throw Violation("a file with a line that means nothing is refused") }
      try check(revocations, entries)
      return .accepted
    case .failure(let diagnostics):
      try require(entries == nil, "a good file is accepted")
      try require(!diagnostics.list.isEmpty, "a fault is told")
      let lines = 1 + Array(copying: input).count { $0 == UInt8(ascii: "\n") }
      for diagnostic in diagnostics.list {
        guard let position = diagnostic.position else { throw Violation("a fault has a place") }
        try require((1...lines).contains(position.line) && position.column >= 1, "its place is in the file")
        try require(position.column <= input.count + 1, "its place is in the file")
      }
      return .refused
    }
  }

  private struct Entry: Hashable {
    let kind: Revocations.Kind
    let value: [UInt8]
    /// nil: for tokens of all.
    let provider: String?
  }

  /// The file once more, line by line; nil where one is no good.
  private static func entries(of input: Span<UInt8>) -> Set<Entry>? {
    let bytes = Array(copying: input)
    guard String(validating: bytes, as: UTF8.self) != nil, !bytes.starts(with: [0xEF, 0xBB, 0xBF]) else { return nil }
    var entries: Set<Entry> = []
    var provider: String?
    for text in bytes.split(separator: UInt8(ascii: "\n")) {
      var line = text.last == UInt8(ascii: "\r") ? text.dropLast() : text
      while line.last == UInt8(ascii: " ") { line.removeLast() }
      guard let first = line.first else { continue }
      let isComment = first == UInt8(ascii: "#")
      guard line.allSatisfy({ $0 >= 0x20 && $0 != 0x7F || (isComment && $0 == 0x09) }) else { return nil }
      if isComment { continue }
      if first == UInt8(ascii: "[") {
        guard let named = providers.first(where: { line.elementsEqual("[\($0)]".utf8) }) else { return nil }
        provider = named
        continue
      }
      let kind = Revocations.Kind.allCases.first { line.starts(with: "\($0.name) ".utf8) }
      let value = Array(line.dropFirst(4))
      guard let kind, let start = value.first, start != UInt8(ascii: " "), value.count <= Revocations.valueBytesMax
      else { return nil }
      entries.insert(Entry(kind: kind, value: value, provider: provider))
    }
    return entries
  }

  private static func check(_ revocations: Revocations, _ entries: Set<Entry>) throws(Violation) {
    try require(revocations.count == entries.count, "each entry counts once")
    try require(revocations.countAdded(since: Revocations()) == entries.count, "all are new to an empty file")
    try require(revocations.countAdded(since: revocations) == 0, "none is new to the same file")
    try require(revocations.union(revocations).count == entries.count, "twice the same is the same")
    let rebuilt = Revocations().union(revocations)
    for entry in entries {
      for value in [entry.value, entry.value + [UInt8(ascii: "x")], Array(entry.value.dropFirst())] {
        try check([revocations, rebuilt], value, entries)
      }
    }
  }

  private static func check(
    _ sets: [Revocations], _ value: [UInt8], _ entries: Set<Entry>
  ) throws(Violation) {
    guard let text = String(validating: value, as: UTF8.self) else { return }
    for provider in providers + ["stranger"] {
      for kind in Revocations.Kind.allCases {
        let isNamed = [nil, provider].contains {
          entries.contains(Entry(kind: kind, value: value, provider: $0))
        }
        for revocations in sets {
          let found = revocations.kind(
            revoking: provider, jti: kind == .tokenID ? text : nil, subject: kind == .subject ? text : nil,
            keyID: kind == .keyID ? text : nil, signInID: kind == .signInID ? text : nil)
          try require(found == (isNamed ? kind : nil), "what the file names is revoked, and nothing else")
        }
      }
    }
  }
}
