/// `routes[].redirect` as written.
struct RedirectDraft: Sendable {
  var target: RedirectTarget?
  var status = 308

  static let keys = KeyTable<RedirectDraft>(
    "A response that sends the client elsewhere, once the route has allowed the request.", defaults: RedirectDraft(),
    keys: [
      Key(
        "to", ifWritten: \.target, .redirectTarget, presence: .required,
        """
        An https or http URL, or a path. `{path}` at its end is the request's path, with the query: \
        `https://new.example.com{path}`.
        """),
      Key(
        "status", \.status, .choice([301, 302, 307, 308].map { ("\($0)", $0) }),
        "301 and 302 let a client turn a POST into a GET; 302 and 307 are not permanent."),
    ])
}

/// Where `redirect` leads: all of it stands in the configuration, but for the path and the query of the request.
struct RedirectTarget: Sendable, Hashable {
  let base: String
  let path: RedirectConfiguration.Path

  init(_ text: String) throws(ValueFault) {
    path = text.hasSuffix(RedirectTarget.placeholder) ? .appended : .dropped
    base = path == .appended ? String(text.dropLast(RedirectTarget.placeholder.count)) : text
    guard !base.contains("{"), !base.contains("}") else {
      throw ValueFault("is not a target: only `{path}`, at the end, can stand for a part of the request")
    }
    // `//host` and `/\host` are other servers to a browser.
    let isPath = base.hasPrefix("/") && !base.hasPrefix("//") && !base.hasPrefix("/\\")
    guard WebAddress(isPath ? "http://path.example\(base)" : base) != nil else {
      throw ValueFault("is not a target; write an https or http URL, or a path: https://new.example.com{path}")
    }
    guard path == .dropped || !base.contains("?") else {
      throw ValueFault("has a query before `{path}`, which brings the request's own")
    }
    guard path == .dropped || !base.hasSuffix("/") else {
      throw ValueFault("has a slash before `{path}`, which begins with one")
    }
  }

  private static let placeholder = "{path}"
}

extension ValueKind where Value == RedirectTarget {
  fileprivate static var redirectTarget: ValueKind {
    .scalar(noun: "a URL", reference: "URL, or path") { scalar throws(ValueFault) in try RedirectTarget(scalar.text) }
  }
}

extension ValueKind where Value == RedirectDraft {
  /// The target alone, or a mapping.
  static var redirect: ValueKind {
    let mapping = ValueKind<Decoded<RedirectDraft>>.mapping(RedirectDraft.keys)
    let target = ValueKind<RedirectTarget>.redirectTarget
    return ValueKind(
      noun: "a URL or a mapping", reference: "URL, path, or mapping", sections: mapping.sections,
      effective: mapping.effective,
      decode: { node, decoding in
        if case .mapping = node.content { return mapping.decode(node, &decoding)?.value }
        return target.decode(node, &decoding).map { RedirectDraft(target: $0) }
      })
  }
}
