/// `routes[].try` as written.
struct TryDraft: TriedDraft {
  var requirement: Decoded<RequirementDraft>?
  var enforcement = EnforcementDraft()

  static let keys = KeyTable<TryDraft>(
    """
    What is tried beside `require`: decided for whoever that lets through, and enforced for nobody or for a share of the \
    senders. Where a share refuses too many requests it is enforced for nobody any more.
    """,
    defaults: TryDraft(),
    keys: [
      Key("require", ifWritten: \.requirement, .requirement, presence: .required, "What a token would have to say.")
    ] + enforcementKeys(requests: "the route's requests", place: "the route's require"))
}
