/// What decoding one file needs and gathers.
struct Decoding {
  /// The folder of the file, `.` for one named without a folder.
  let folder: String
  private(set) var faults: [(position: Position, message: String)] = []

  init(folder: String) {
    self.folder = folder
  }

  mutating func report(_ position: Position, _ message: String) {
    faults.append((position, message))
  }

  /// A path of the file as the process may open it: relative ones begin at the folder of the file.
  func resolve(_ path: String) -> String {
    path.hasPrefix("/") || folder == "." ? path : folder == "/" ? "/\(path)" : "\(folder)/\(path)"
  }
}
