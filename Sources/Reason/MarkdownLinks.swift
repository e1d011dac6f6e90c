/// Links of a text in docs/, for those who read it elsewhere.
enum MarkdownLinks {
  /// `[text](keys.md#a)` becomes `text (docs/keys.md#a)`, or the path alone where the text is that.
  static func plain(_ markdown: String) -> String {
    var result = ""
    var rest = markdown[...]
    while let open = rest.firstIndex(of: "[") {
      guard let end = rest[open...].firstIndex(of: "]"), rest[end...].hasPrefix("]("),
        let close = rest[end...].firstIndex(of: ")")
      else { break }
      let text = rest[rest.index(after: open)..<end]
      let target = "docs/" + rest[rest.index(end, offsetBy: 2)..<close]
      result += rest[..<open]
      result += target.hasPrefix(text) || target.hasPrefix("docs/\(text)") ? target : "\(text) (\(target))"
      rest = rest[rest.index(after: close)...]
    }
    return result + rest
  }
}
