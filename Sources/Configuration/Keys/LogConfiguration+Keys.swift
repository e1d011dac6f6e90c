import Tokens

extension LogConfiguration {
  static let keys = KeyTable<LogConfiguration>(
    "The access log has one line per request; program messages go to standard error.",
    defaults: LogConfiguration(),
    keys: [
      Key("access", \.access, .logTarget, "Where access lines go."),
      Key(
        "format", \.format,
        .choice([("auto", .automatic), ("json", .json), ("logfmt", .logfmt), ("combined", .combined)]),
        """
        How access lines are written; `auto` is logfmt on a terminal, else JSON. `combined` is Apache's and nginx's \
        format, which has fewer fields.
        """),
      Key(
        "claims", \.claims, .loggedClaims,
        """
        Which claims access lines contain: `rules` are those that `require` of any route reads, a list adds others. \
        `portcullis replay` needs them.
        """),
      Key(
        "level", \.level, .choice(Level.allCases.map { ($0.rawValue, $0) }), "The least severe message that is written."
      ),
    ])
}

extension ValueKind where Value == LogConfiguration.Target {
  fileprivate static var logTarget: ValueKind {
    ValueKind(
      noun: "stdout, stderr, off or a path", reference: "`stdout`, `stderr`, `off` or a path",
      text: { target in
        switch target {
        case .stdout: "stdout"
        case .stderr: "stderr"
        case .off: "off"
        case .file(let path): path
        }
      },
      decode: { node, decoding in
        guard let scalar = node.scalar(expected: "stdout, stderr, off or a path", &decoding) else { return nil }
        switch scalar.text {
        case "stdout": return .stdout
        case "stderr": return .stderr
        case "off": return .off
        case "":
          decoding.report(node.position, "an empty path; expected stdout, stderr, off or a path")
          return nil
        default: return .file(decoding.resolve(scalar.text))
        }
      })
  }
}

extension ValueKind where Value == LogConfiguration.Claims {
  static var loggedClaims: ValueKind {
    let paths = ValueKind<[ClaimPath]>.list(of: .claimPath, "claims").keepingApart("off", "rules")
    return ValueKind(
      noun: "off, rules or a list of claims", reference: "`off`, `rules`, or list of claims",
      text: { claims in
        switch claims {
        case .none: "off"
        case .ofRules(let paths): paths.isEmpty ? "rules" : nil
        }
      },
      decode: { node, decoding in
        if case .sequence = node.content { return paths.decode(node, &decoding).map { .ofRules(and: $0) } }
        guard let scalar = node.scalar(expected: "off, rules or a list of claims", &decoding) else { return nil }
        switch scalar.text {
        case "off": return LogConfiguration.Claims.none
        case "rules": return .ofRules(and: [])
        default:
          decoding.report(
            node.position,
            "\(scalar.quoted) is not off, rules or a list of claims"
              + NearestWord.hint(scalar.text, in: ["off", "rules"]))
          return nil
        }
      })
  }
}
