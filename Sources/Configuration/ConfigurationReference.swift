/// The reference of `gateway.conf`, made from the same definitions as the decoder.
public enum ConfigurationReference {
  /// docs/configuration.md.
  public static func markdown() -> String {
    let sections = GatewayDraft.keys.reference("").map(markdown(of:))
    return introduction + sections.joined(separator: "\n")
  }

  private static func markdown(of section: ReferenceSection) -> String {
    let heading = section.path.isEmpty ? "## All keys" : "## `\(section.path)`"
    let rows = section.rows.map { row in
      "| `\(row.key)` | \(cell(kind(of: row))) | \(cell(row.defaultText)) | \(cell(row.documentation)) |"
    }
    return """
      \(heading)

      \(section.documentation)

      | key | value | default | |
      |---|---|---|---|
      \(rows.joined(separator: "\n"))

      """
  }

  private static func kind(of row: ReferenceSection.Row) -> String {
    row.section.map { "[\(row.kind)](#\(anchor($0)))" } ?? row.kind
  }

  /// As GitHub makes it from a heading: punctuation is left out.
  private static func anchor(_ heading: String) -> String {
    heading.lowercased().filter { $0.isLetter || $0.isNumber || $0 == "_" || $0 == "-" }
  }

  /// A `|` would end the cell.
  private static func cell(_ text: String) -> String {
    text.split(separator: "|", omittingEmptySubsequences: false).joined(separator: "\\|")
  }

  private static let introduction = """
    # `gateway.conf`

    <!-- Generated from the key tables in Sources/Configuration/Keys; a test compares. -->

    YAML, read strictly: an unknown key, a duplicate, a value of the wrong type or a name that is not defined is an error
    with `file:line:column`, and `portcullis check` reports all of them in one run. `listeners`, `routes` and what they
    name are required; everything else has a default. [gateway.conf.example](../gateway.conf.example) is a file to start from.

    On SIGHUP the file is read again, and every file that it names. Changes of `workers`, of `admin`, of `log` (but for its
    `claims`) and of the addresses and `proxy_protocol` of `listeners` take effect with SIGUSR2
    ([operations.md](operations.md)) or a restart, which the log says; everything else does at once, or not at all if
    anything is wrong.

    - **Strings need no quotes**, except values that begin with `*`, `[`, `{`, `&` or `!`, and braces inside `{…}` or
      `[…]`. Only the key decides what a string means: `off`, `yes` and `0644` are strings; booleans are `true` and
      `false`.
    - **Durations** are a whole number and `ms`, `s`, `m`, `h` or `d`: `250ms`, `30s`, `1h`. **Sizes** are bytes, or a
      whole number and `KiB`, `MiB` or `GiB`: `16KiB`.
    - **`${NAME}`** in a value is replaced by that environment variable, which must be set; `$${` is `${` itself.
    - **Paths** are relative to the folder of the file. Files with secrets must not be readable by others (`chmod 600`).
    - Anchors, aliases, tags, merge keys (`<<`) and further documents are errors.


    """
}
