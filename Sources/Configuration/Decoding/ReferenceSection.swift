/// The reference of one mapping: a heading, a sentence and a table.
struct ReferenceSection: Sendable {
  struct Row: Sendable {
    let key: String
    let kind: String
    /// The path of the section of the keys inside, if there are any.
    let section: String?
    let defaultText: String
    let documentation: String
  }

  /// `providers.<name>.refresh`; empty for the file itself.
  let path: String
  let documentation: String
  let rows: [Row]
}
