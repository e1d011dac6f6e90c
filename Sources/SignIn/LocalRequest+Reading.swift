import HTTP
import JSON
import Tokens

/// What a sign-in reads of a request.
extension LocalRequest {
  enum MediaType { case form, json, none, other }

  /// Until when it may use up a refresh token.
  var deadline: ContinuousClock.Instant { receivedAt + Limits.refreshWithin }

  /// What messages call `client`; empty where there is no address.
  var clientAddress: String { client?.text ?? "" }

  /// The only field line of that name, which is in lower case; nil where there is none, or more than one.
  func field(_ name: String) -> [UInt8]? {
    let found = fields.filter { $0.name.lowercased() == name }
    return found.count == 1 ? found[0].value : nil
  }

  func hasField(_ name: String) -> Bool { fields.contains { $0.name.lowercased() == name } }

  func hasOne(_ name: String) -> Bool { field(name) != nil }

  func text(_ name: String) -> String? { field(name).flatMap { String(validating: $0, as: UTF8.self) } }

  var mediaType: MediaType {
    guard hasField("content-type") else { return body.isEmpty ? .none : .other }
    guard let text = text("content-type") else { return .other }
    let type = text.split(separator: ";", omittingEmptySubsequences: false).first.map { $0.lowercased() } ?? ""
    let trimmed = type.filter { $0 != " " && $0 != "\t" }
    return switch trimmed {
    case "application/x-www-form-urlencoded": .form
    case "application/json": .json
    default: .other
    }
  }

  /// The members of the body, a JSON object with no other names than these.
  func json(_ names: [String]) -> JSONObject? {
    guard mediaType == .json, let object = try? JSON.parse(body.span).object,
      object.members.allSatisfy({ member in names.contains { $0.isSameBytes(as: member.name) } })
    else { return nil }
    return object
  }

  /// The value of a cookie; nil where there is none of the name, or two (SECURITY C-2).
  func cookie(_ name: String) -> String? {
    guard let line = field("cookie"), case .found(let range) = LocalRequest.find(name, in: line) else { return nil }
    return String(validating: line[range.lowerBound..<range.upperBound], as: UTF8.self)
  }

  /// Whether there are two cookies of the name (SECURITY C-2).
  func repeatsCookie(_ name: String) -> Bool { field("cookie").map { LocalRequest.find(name, in: $0) } == .repeated }

  private static func find(_ name: String, in line: [UInt8]) -> CookieLine.Lookup {
    CookieLine.find([UInt8](name.utf8), in: line.span, ByteRange(0, line.count))
  }

  /// Whether a browser says that a window goes somewhere, or says nothing (W3C Fetch Metadata, §2).
  var isNavigation: Bool { !hasField("sec-fetch-mode") || text("sec-fetch-mode") == "navigate" }

  /// Whether the refresh cookie may be used for it, as on the way to a route: a browser says that a window goes somewhere,
  /// or that a page of this very origin sends it. No page can write that, and a page of another origin is never taken for
  /// one, whatever else is said.
  var isRenewable: Bool {
    origin != .foreign && (text("sec-fetch-mode") == "navigate" || text("sec-fetch-site") == "same-origin")
  }

  /// The cookies whose names begin so, in the order in which they were sent.
  func cookies(withPrefix prefix: String) -> [(name: String, value: String)] {
    guard let line = text("cookie") else { return [] }
    let space: (UInt8) -> Bool = { $0 == 0x20 || $0 == 0x09 }
    return line.utf8.split(separator: UInt8(ascii: ";")).compactMap { pair in
      let trimmed = pair.drop(while: space)
      guard let equals = trimmed.firstIndex(of: UInt8(ascii: "=")) else { return nil }
      let name = String(trimmed[..<equals]) ?? ""
      guard name.hasPrefix(prefix) else { return nil }
      let value = trimmed[trimmed.index(after: equals)...]
      let end = value.lastIndex { !space($0) }.map { value.index(after: $0) } ?? value.startIndex
      return String(value[..<end]).map { (name, $0) }
    }
  }

  /// Whether a browser says that a page of this very host sends it (SECURITY C-8).
  var isOfOwnPage: Bool {
    switch origin {
    case .own: true
    case .foreign: false
    case .absent: text("sec-fetch-site") == "same-origin"
    }
  }

  /// Whether a browser says that a page of another origin sends it.
  var isOfOtherOrigin: Bool { ["cross-site", "same-site"].contains(text("sec-fetch-site")) }

  /// Whether Authorization is of a scheme for tokens, with a good one or a bad one, or none.
  var bringsToken: Bool {
    fields.contains { field in
      guard field.name.lowercased() == "authorization" else { return false }
      let scheme = field.value.prefix { $0 > 0x20 && $0 != UInt8(ascii: ",") && $0 != UInt8(ascii: "=") }
      return ["bearer", "dpop"].contains(String(decoding: scheme, as: UTF8.self).lowercased())
    }
  }

  /// The token in Authorization; nil where there is none. Two lines are two tokens, and none.
  var bearerToken: [UInt8]? {
    guard let value = field("authorization"), value.count > 7 else { return nil }
    guard String(decoding: value[..<7], as: UTF8.self).lowercased() == "bearer " else { return nil }
    return Array(value[7...].drop { $0 == 0x20 })
  }
}
