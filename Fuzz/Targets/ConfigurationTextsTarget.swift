import Configuration

/// A `gateway.conf` is decoded, or each of its faults has a place: a bad reload ends no process (SECURITY A-4, D-5).
enum ConfigurationTextsTarget {
  static func check(_ input: Span<UInt8>) throws(Violation) -> Outcome {
    let bytes = Array(copying: input)
    switch (parse(bytes), parse(bytes)) {
    case (.success, .success):
      return .accepted
    case (.failure(let diagnostics), .failure(let again)):
      try require(diagnostics == again, "the same text has the same faults")
      // libyaml counts more line ends than LF.
      let lines = 1 + bytes.count { $0 == 0x0A || $0 == 0x0D || $0 == 0x85 || $0 == 0xA8 || $0 == 0xA9 }
      for diagnostic in diagnostics.list {
        try require(!diagnostic.message.isEmpty, "a fault says something")
        let place = diagnostic.position ?? diagnostics.list[0].position
        try require(place.map { (1...lines + 1).contains($0.line) && $0.column >= 1 } ?? false, "it is in the file")
      }
      return .refused
    default:
      throw Violation("a text is decoded alike each time")
    }
  }

  /// The folder does not exist, so the files that a text names do not either.
  private static func parse(_ bytes: [UInt8]) -> Result<GatewayConfiguration, Diagnostics> {
    GatewayConfiguration.parse(
      bytes, file: "/nonexistent/gateway.conf", environment: ["NAME": "value", "EMPTY": ""], processorCount: 4)
  }
}
