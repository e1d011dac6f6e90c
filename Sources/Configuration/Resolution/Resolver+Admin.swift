extension Resolver {
  /// nil: there is none, or after a report.
  mutating func resolveAdmin(beside listeners: [ListenerConfiguration]) -> AdminConfiguration? {
    guard let draft = draft.admin?.value, let address = draft.address else { return nil }
    if listeners.contains(where: { $0.address == address.value }), !address.value.isAnyPort {
      report(address.position, "a listener has the same address")
    } else if let other = listeners.first(where: { $0.address.overlaps(address.value) }) {
      report(address.position, "the listener at \(other.address.written) already has this port")
    }
    if !address.value.isLocal, !draft.isPublic {
      report(
        address.position,
        "other machines can reach this address; listen on 127.0.0.1 or unix:path, or write `public: true` beside it")
    }
    return AdminConfiguration(address: address.value, hosts: draft.hosts, isPublic: draft.isPublic)
  }
}
