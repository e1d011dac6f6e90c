/// What decoding one file needs and gathers.
struct Decoding {
  /// The folder of the file, `.` for one named without a folder.
  let folder: String
  private(set) var faults: [(position: Position, message: String)] = []
  /// Faults of files that it names.
  private(set) var faultsElsewhere: [Diagnostic] = []
  /// Files that are read with it, and not looked at otherwise.
  private(set) var filesRead: [String] = []
  /// What the text itself holds that is probably a secret.
  var secretsWritten: [WrittenSecret] = []
  /// Files that are read with it, and looked at for as long as it is in force.
  private(set) var filesFollowed: [String] = []

  /// What becomes of what stands at a path.
  enum PathUse { case read, followed, kept }

  init(folder: String) {
    self.folder = folder
  }

  mutating func report(_ position: Position, _ message: String) {
    faults.append((position, message))
  }

  /// It names a path.
  mutating func names(_ path: String, _ use: PathUse) {
    switch use {
    case .read: if !filesRead.contains(path) { filesRead.append(path) }
    case .followed: filesFollowed.append(path)
    case .kept: break
    }
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
