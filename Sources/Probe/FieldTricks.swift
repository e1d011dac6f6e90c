/// What is tried with each field of a route.
struct FieldTricks: Sendable {
  /// With the fields that the gateway removes or replaces.
  let ofFields: [FieldTrick]
  /// With those that are one of a long list, each of which is removed in the same way.
  let ofListedFields: [FieldTrick]

  static let all = FieldTricks(ofFields: FieldTrick.all, ofListedFields: FieldTrick.spellings)
}
