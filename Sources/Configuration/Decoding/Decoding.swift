/// What decoding one file needs and gathers.
struct Decoding {
  /// The folder of the file, `.` for one named without a folder.
  let folder: String
  private(set) var faults: [(position: Position, message: String)] = []
  /// Faults of files that it names.
  private(set) var faultsElsewhere: [Diagnostic] = []

  init(folder: String) {
    self.folder = folder
  }

  mutating func report(_ position: Position, _ message: String) {
    faults.append((position, message))
  }

  mutating func report(_ faults: Diagnostics) { faultsElsewhere += faults.list }

  /// Whether a word that opens something stands in the file, and not in a variable of the environment: open by accident
  /// is the fault that this program is there to prevent.
  mutating func isAsWritten(_ word: String, _ scalar: Scalar, _ node: Node, _ effect: String) -> Bool {
    if scalar.written == word { return true }
    report(node.position, "\(node.noun) stands for \(word); what is \(effect) has to say so itself: write \(word)")
    return false
  }

  /// A path of the file as the process may open it: relative ones begin at the folder of the file.
  func resolve(_ path: String) -> String {
    path.hasPrefix("/") || folder == "." ? path : folder == "/" ? "/\(path)" : "\(folder)/\(path)"
  }
}
