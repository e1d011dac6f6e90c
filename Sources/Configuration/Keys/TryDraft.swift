/// `routes[].try` as written.
struct TryDraft: TriedDraft {
  var requirement: Decoded<RequirementDraft>?
  var enforcement = EnforcementDraft()

  static let keys = KeyTable<TryDraft>(
    """
    What is tried in addition to `require`: decided for whoever that allows, and enforced for nobody or for a share of \
    the senders. If it refuses too many requests, it is no longer enforced for anyone.
    """,
    defaults: TryDraft(),
    keys: [
      Key("require", ifWritten: \.requirement, .requirement, presence: .required, "What a token would have to contain.")
    ] + enforcementKeys(requests: "the route's requests", place: "the route's require"))
}
