extension GatewayConfiguration {
  /// Reads and validates a file. All of its faults are reported in one run; after a syntax error nothing else can be.
  ///
  /// - Parameters:
  ///   - path: the file, as the operator named it.
  ///   - environment: what `${NAME}` stands for.
  ///   - processorCount: what `workers: auto` stands for.
  ///   - isAgain: whether it has been read before. Then a pipe, whose other end need not come, is a fault.
  public static func load(
    path: String, environment: [String: String], processorCount: Int, for reader: ConfigurationReader = .gateway,
    isAgain: Bool = false
  ) -> Result<GatewayConfiguration, Diagnostics> {
    do throws(FileSystem.Fault) {
      return parse(
        try FileSystem.read(path, isAgain: isAgain), file: path, environment: environment,
        processorCount: processorCount, for: reader)
    } catch {
      let message = "cannot be read: \(error.message)"
      let diagnostic = Diagnostic(file: path, position: nil, message: message, mayPass: error.mayPass)
      var faults = Diagnostics([diagnostic])
      faults.filesNamed = [path]
      return .failure(faults)
    }
  }

  /// Validates the text of a file. Paths in it begin at the folder of `file`.
  public static func parse(
    _ bytes: [UInt8], file: String, environment: [String: String], processorCount: Int,
    for reader: ConfigurationReader = .gateway
  ) -> Result<GatewayConfiguration, Diagnostics> {
    func failure(
      _ faults: [(position: Position, message: String)], _ decoding: Decoding? = nil
    ) -> Result<GatewayConfiguration, Diagnostics> {
      let list = faults.map { Diagnostic(file: file, position: $0.position, message: $0.message) }
      var diagnostics = Diagnostics(list, others: decoding?.faultsElsewhere ?? [])
      diagnostics.filesNamed = [file] + (decoding.map { $0.filesRead + $0.filesFollowed } ?? [])
      return .failure(diagnostics)
    }

    let events: [YAMLEvent]
    do throws(YAMLSyntaxFault) {
      events = try YAMLReader.events(of: bytes)
    } catch {
      return failure([error.diagnosis(in: bytes)])
    }
    var composer = NodeComposer(events, environment: environment)
    guard let root = composer.compose() else {
      return failure([(Position(line: 1, column: 1), "the file is empty; \"listeners\" and \"routes\" are required")])
    }
    var decoding = Decoding(folder: folder(of: file))
    guard let draft = GatewayDraft.keys.decode(root, &decoding) else {
      return failure(composer.faults + decoding.faults, decoding)
    }
    let gatewayOwner = draft.value.gatewayOwner(for: reader)
    var resolver = Resolver(
      draft: draft.value, places: draft.places, processorCount: processorCount, decoding: decoding, file: file,
      gatewayOwner: gatewayOwner)
    var configuration = resolver.configuration()
    configuration.effective = configuration.effective(root, draft)
    configuration.filesRead = [file] + resolver.decoding.filesRead
    configuration.secretsWritten = resolver.decoding.secretsWritten
    configuration.gatewayOwner = gatewayOwner.map { ($0.user, $0.group) }
    let faults = composer.faults + resolver.decoding.faults
    let isSound = faults.isEmpty && resolver.decoding.faultsElsewhere.isEmpty
    return isSound ? .success(configuration) : failure(faults, resolver.decoding)
  }

  static func folder(of file: String) -> String {
    guard let slash = file.lastIndex(of: "/") else { return "." }
    return slash == file.startIndex ? "/" : String(file[..<slash])
  }
}
