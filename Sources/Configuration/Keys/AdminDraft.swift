/// `admin` as written.
struct AdminDraft: Sendable {
  var address: Located<ListenAddress>?
  var hosts: [String] = []
  var isPublic = false

  static let keys = KeyTable<AdminDraft>(
    "[What operators see](admin.md): metrics, health, and a status page.",
    defaults: AdminDraft(),
    keys: [
      Key(
        "address", ifWritten: \.address, ValueKind.listenAddress.located, presence: .required,
        """
        `127.0.0.1:9901` or `unix:path`, which has the mode 0660 at most. Without TLS, and without a credential: whoever \
        can reach it is an operator.
        """),
      Key(
        "hosts", \.hosts, .list(of: .hostName, "hosts"),
        """
        Host names that it answers to, besides `localhost` and addresses: a page of another site could make a browser \
        send requests under that site's name.
        """),
      Key(
        "public", \.isPublic, .boolean,
        "Needed for an address that other machines reach. Then it only shows, and changes nothing."),
    ])
}
