extension LogConfiguration {
  static let keys = KeyTable<LogConfiguration>(
    "The access log has one line for each request; the program says the rest on standard error.",
    defaults: LogConfiguration(),
    keys: [
      Key("access", \.access, .logTarget, "Where access lines go."),
      Key(
        "format", \.format,
        .choice([("auto", .automatic), ("json", .json), ("logfmt", .logfmt), ("combined", .combined)]),
        """
        How access lines are written; `auto` is logfmt on a terminal, else JSON. `combined` is Apache's and nginx's \
        format, which says less.
        """),
      Key(
        "level", \.level, .choice(Level.allCases.map { ($0.rawValue, $0) }), "The least severe message that is said."),
    ])
}

extension ValueKind where Value == LogConfiguration.Target {
  static var logTarget: ValueKind {
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
