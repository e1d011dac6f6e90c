/// `admin` as written.
struct AdminDraft: Sendable {
  var address: Located<ListenAddress>?
  var hosts: [String] = []
  var isPublic = false

  static let keys = KeyTable<AdminDraft>(
    "[What operators see](admin.md): metrics, health, and a page that says how the gateway is.",
    defaults: AdminDraft(),
    keys: [
      Key(
        "address", ifWritten: \.address, ValueKind.listenAddress.located, presence: .required,
        "`127.0.0.1:9901` or `unix:path`. In clear, and without a credential: whoever reaches it is an operator."),
      Key(
        "hosts", \.hosts, .list(of: .hostName, "hosts"),
        """
        Names under which it may be asked, beside `localhost` and addresses: a page of somebody else's could have a \
        browser ask under its own name.
        """),
      Key(
        "public", \.isPublic, .boolean,
        "Needed for an address that other machines reach. Then nothing can be changed there, only seen."),
    ])
}
