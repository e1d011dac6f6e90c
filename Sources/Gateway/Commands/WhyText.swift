import Admin
import JSON
import Reason
import Telemetry
import Tokens

/// What became of a request, and what to do, for people.
struct WhyText {
  private let story: JSONObject
  private let hasColours: Bool

  /// - Parameter story: The members of an access line, with those that `/requests/ID` adds.
  init(_ story: JSONObject, hasColours: Bool) {
    self.story = story
    self.hasColours = hasColours
  }

  var text: String {
    var lines: [String] = []
    func add(_ name: String, _ text: String?) {
      guard let text, !text.isEmpty else { return }
      lines.append(name + String(repeating: " ", count: max(1, WhyText.width - name.count)) + text)
    }
    add("request", word("request_id").map { $0 + (number("same_id").map { ", one of \($0) with this id" } ?? "") })
    add("when", word("time"))
    add("asked", asked)
    add("answer", response)
    add("reason", reason)
    add("", escaped("meaning"))
    add("shadow", word("shadow").map { "\($0): what is tried would have refused it, and is not enforced" })
    add("whose", word("blame"))
    add("who", who)
    add("route", word("route"))
    if let checks = story["checks"]?.array?.compactMap(\.object), !checks.isEmpty {
      lines.append("checks")
      for check in checks { lines += self.lines(of: check, indent: "  ") }
    }
    add("keys", keys)
    add("upstream", upstream)
    add("config", configuration)
    add("took", number("total_us").map { "\($0) µs" })
    add("what to do", escaped("advice").map { painted($0, .bold) })
    return lines.joined(separator: "\n")
  }

  private static let width = 12

  private var asked: String? {
    guard let method = word("method") else { return "no request line could be read" }
    let target = (text("host") ?? "") + (text("path") ?? "")
    let isPathRefused = text("path") == nil && word("reason")?.hasPrefix("path_") ?? false
    return method + (target.isEmpty ? "" : " \(TerminalText.word(target))")
      + (isPathRefused ? ", whose path was refused" : "")
  }

  private var response: String? {
    guard let status = number("status") else { return nil }
    return status == 499 ? "none: the client was gone (499)" : "\(status)"
  }

  private var reason: String {
    guard let reason = word("reason") else { return painted("none: it was not refused", .green) }
    return painted(reason, .red)
  }

  private var who: String {
    let provider = word("provider").map { " of \($0)" } ?? ""
    let subject = word("subject") ?? (provider.isEmpty ? "nobody known" : "somebody")
    return subject + provider + (word("client").map { ", from \($0)" } ?? "")
  }

  private var keys: String? {
    var parts: [String] = []
    if let keyID = word("key_id") { parts.append("the token names key \(keyID)") }
    if let set = story["key_set"]?.object, case .integer(let count)? = set["keys"] {
      let provider = word("provider") ?? ""
      let age = fetched(set).map { count == 0 ? "; the last ones were \($0)" : ", \($0)" } ?? ""
      parts.append("\(provider) has \(count) key\(count == 1 ? "" : "s")" + age)
      if case .integer(let failures)? = set["failures"], failures > 0 {
        parts.append("\(failures) fetch\(failures == 1 ? "" : "es") failed since")
      } else if text("reason") == Reason.keyUnknown.rawValue, set["remote"] == .bool(true),
        let age = ageWhenAsked(set), (1..<30).contains(age)
      {
        // Keys that were fetched for it would be younger. docs/keys.md: not within 30 s of the last fetch.
        parts.append("not fetched again for it, as that was too soon")
      }
    }
    return parts.isEmpty ? nil : parts.joined(separator: "; ")
  }

  private func fetched(_ set: JSONObject) -> String? {
    guard let seconds = ageWhenAsked(set) else { return nil }
    let age = Duration.seconds(abs(seconds)).forPeople
    return seconds < 0 ? "fetched \(age) after the request" : "fetched \(age) before the request"
  }

  /// How many seconds before the request the keys were fetched.
  private func ageWhenAsked(_ set: JSONObject) -> Int64? {
    guard let fetched = set["fetched"]?.string.flatMap(WhyText.seconds), let at = text("time").flatMap(WhyText.seconds)
    else { return nil }
    return at - fetched
  }

  private var upstream: String? {
    guard let upstream = word("upstream") else { return nil }
    var parts = [upstream]
    if let retries = number("retries"), retries > 0 { parts.append("\(retries) retried") }
    parts.append(number("connect_us").map { "connected in \($0) µs" } ?? "never connected")
    parts.append(number("first_byte_us").map { "answered after \($0) µs" } ?? "no answer")
    return parts.joined(separator: ", ")
  }

  private var configuration: String? {
    guard let generation = number("config") else { return nil }
    guard let inForce = number("config_in_force"), inForce != generation else { return "generation \(generation)" }
    return "generation \(generation); \(inForce) is in force now"
  }

  /// As `portcullis explain` has them.
  private func lines(of check: JSONObject, indent: String) -> [String] {
    let holds = check["holds"] == .bool(true)
    let (expected, found) = (check["expected"]?.string ?? "", check["found"]?.string ?? "")
    let verdict = holds ? "holds" : painted("LACKS", .red)
    let inner = (check["inner"]?.array ?? []).compactMap(\.object)
    let tried = check["tried"] == .bool(true) ? " (tried)" : ""
    return ["\(indent)\(verdict)  \(TerminalText.escaped("\(expected); found \(found)"))\(tried)"]
      + inner.flatMap { lines(of: $0, indent: indent + "  ") }
  }

  // MARK: Pieces

  private func text(_ name: String) -> String? { story[name]?.string }
  private func word(_ name: String) -> String? { text(name).map(TerminalText.word) }
  private func escaped(_ name: String) -> String? { text(name).map(TerminalText.escaped) }

  private func number(_ name: String) -> Int64? {
    guard case .integer(let number)? = story[name] else { return nil }
    return number
  }

  private func painted(_ text: String, _ colour: TerminalColour) -> String {
    hasColours ? colour.painted(text) : text
  }

  /// Of a time as log lines write it.
  private static func seconds(_ time: String) -> UnixSeconds? { TimeText.parse("\(time.prefix(19))Z") }
}

extension LogLine {
  /// Whether it is asked about sooner than another one with its id. Who sends a request through a trusted proxy may
  /// choose its id, and choose somebody else's: a refusal goes first, and that of who is known, as in the memory of a
  /// gateway; of two such the one that came first.
  func goesBefore(_ other: LogLine) -> Bool {
    func rank(_ line: LogLine) -> Int { (line["reason"] == nil ? 0 : 2) + (line.isOfUnknownClient ? 0 : 1) }
    return rank(self) > rank(other)
  }

  /// What the line says, and what its reason means.
  ///
  /// - Parameters:
  ///   - sameID: How many have its id.
  ///   - signingIn: The names of providers with `sign_in`.
  func story(sameID: Int, signingIn: Set<String> = []) -> JSONObject {
    var members = fields.map { field in
      JSONObject.Member(name: field.name, value: LogLine.value(of: field))
    }
    if let reason = self["reason"].flatMap(Reason.init(rawValue:)) {
      members += reason.story(
        isTried: self["tried"] != nil, revokedBy: self["revoked_by"].flatMap(Revoker.init(rawValue:)),
        isOfSignIn: self["provider"].map(signingIn.contains) ?? false)
    }
    if sameID > 1 { members.append(.init(name: "same_id", value: .integer(Int64(sameID)))) }
    return JSONObject(members) ?? [:]
  }

  /// As the gateway itself has it in JSON: logfmt has texts alone.
  private static func value(of field: Field) -> JSONValue {
    if isNumber(field.name), let number = Int64(field.value) { return .integer(number) }
    if field.name == "claims", let claims = try? JSON.parse(field.value.utf8Span.span).object { return .object(claims) }
    return .string(field.value)
  }

  /// docs/logs.md: those that JSON has as numbers.
  private static func isNumber(_ name: String) -> Bool {
    name.hasSuffix("_us") || ["status", "retries", "bytes_in", "bytes_out", "config"].contains(name)
  }
}
