import HTTP

/// `routes[].clients` as written.
struct ClientAddressesDraft: Sendable {
  var allow: [AddressBlock]?
  var deny: [AddressBlock]?

  static let keys = KeyTable<ClientAddressesDraft>(
    "Whose requests the route accepts, by the client's address; others are answered 403.",
    defaults: ClientAddressesDraft(),
    keys: [
      Key(
        "allow", ifWritten: \.allow, .list(of: .addressBlock, "address blocks"),
        "Only these; if omitted, all that are not denied."),
      Key(
        "deny", ifWritten: \.deny, .list(of: .addressBlock, "address blocks"),
        "Not these, whatever `allow` says."),
    ])
}
