/// `revocations` as written.
struct RevocationsDraft: Sendable {
  var file: Located<String>?

  static let keys = KeyTable<RevocationsDraft>(
    "Tokens that are refused although they verify: [revocation](revocation.md).", defaults: RevocationsDraft(),
    keys: [
      Key(
        "file", ifWritten: \.file, ValueKind.path("a path", .followed).located, presence: .required,
        "A file with one line per token id, subject or key; read again within a second of a change.")
    ])
}
