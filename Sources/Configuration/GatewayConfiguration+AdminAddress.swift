extension GatewayConfiguration {
  /// Where the admin listener of a file is that may be faulty everywhere else: it is asked when something is wrong.
  ///
  /// - Parameters:
  ///   - path: The file, as the operator named it.
  ///   - environment: What `${NAME}` stands for.
  /// - Returns: nil: the file cannot be read, or its `admin.address` cannot be found alone.
  public static func adminAddress(ofFaulty path: String, environment: [String: String]) -> ListenAddress? {
    guard let bytes = try? FileSystem.read(path) else { return nil }
    return adminAddress(ofFaulty: bytes, file: path, environment: environment)
  }

  static func adminAddress(ofFaulty bytes: [UInt8], file: String, environment: [String: String]) -> ListenAddress? {
    guard let events = try? YAMLReader.events(of: adminLines(of: bytes)) else { return nil }
    var composer = NodeComposer(events, environment: environment)
    guard case .mapping(let entries)? = composer.compose()?.content, let admin = entries.first else { return nil }
    var decoding = Decoding(folder: folder(of: file))
    return AdminDraft.keys.decode(admin.value, &decoding)?.value.address?.value
  }

  /// The lines of the key `admin`, up to the next that begin without a space: what is wrong in others is not seen. None
  /// where there are two such keys: which of them is meant, nobody knows.
  private static func adminLines(of bytes: [UInt8]) -> [UInt8] {
    let lines = bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
    let found = lines.indices.filter { lines[$0].starts(with: "admin:".utf8) }
    guard found.count == 1, let first = found.first else { return [] }
    let rest = lines[(first + 1)...].prefix { line in
      guard let byte = line.first else { return true }
      return [UInt8(ascii: " "), UInt8(ascii: "#"), UInt8(ascii: "}"), UInt8(ascii: "\r")].contains(byte)
    }
    return Array(([lines[first]] + rest).joined(separator: [UInt8(ascii: "\n")])) + [UInt8(ascii: "\n")]
  }
}
