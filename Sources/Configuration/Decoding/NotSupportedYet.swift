/// What the configuration's design names and this version cannot do yet: the one list of it. Each is an error that
/// says so, never a key that is ignored.
enum NotSupportedYet {
  static let fault = ValueFault("is not supported in this version")

  static let routeKeys = ["enforce"]
}

extension NotSupportedYet {
  /// All of it, for the reference.
  static let list: [(path: String, words: [String])] = [
    ("routes[]", routeKeys)
  ]
}
