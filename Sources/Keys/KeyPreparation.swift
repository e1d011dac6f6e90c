/// Places whose keys are fetched before the sources that name them are in force.
struct KeyPreparation {
  /// Who waits for the keys of a place.
  private let providers: [KeyPlace: String]
  let remotes: [KeyPlace: RemoteKeys]
  private var missing: Set<KeyPlace>
  private var completion: ((KeyStoreError?) -> Void)?

  init(
    providers: [KeyPlace: String], remotes: [KeyPlace: RemoteKeys], completion: @escaping (KeyStoreError?) -> Void
  ) {
    self.providers = providers
    self.remotes = remotes
    self.completion = completion
    missing = Set(remotes.keys)
  }

  /// nil: it was taken already.
  mutating func takeCompletion() -> ((KeyStoreError?) -> Void)? {
    defer { completion = nil }
    return completion
  }

  /// Notes what came of a fetch.
  ///
  /// - Returns: What is to be called with which error; nil: others are waited for.
  mutating func note(_ place: KeyPlace, _ change: RemoteKeys.Change) -> (((KeyStoreError?) -> Void)?, KeyStoreError?) {
    switch change {
    case .fetched:
      missing.remove(place)
      return (missing.isEmpty ? takeCompletion() : nil, nil)
    case .failed(let fault, _, _):
      return (takeCompletion(), KeyStoreError(provider: providers[place] ?? "", fault: fault))
    case .aged, .slow: return (nil, nil)
    }
  }
}
