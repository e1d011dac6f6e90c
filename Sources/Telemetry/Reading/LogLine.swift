import HTTP
import JSON
import Reason

/// A line of a log as the gateway writes it, JSON or logfmt, with its fields in their order.
public struct LogLine: Sendable, Equatable {
  /// Which of the two logs the line is of.
  public enum Kind: Sendable, Equatable {
    /// One of the access log: it has a status and a request id.
    case access
    /// A program message: it has a level and a message.
    case message
  }

  /// One name and its value.
  public struct Field: Sendable, Equatable {
    /// The field's name, such as `request_id`.
    public let name: String
    /// The text of the value, without quotes and escapes; of JSON that is not a string, its JSON text.
    public let value: String
  }

  /// Which of the two logs the line is of.
  public let kind: Kind
  /// All fields, in the line's order.
  public let fields: [Field]
  /// The value of `time`: RFC 3339, UTC, microseconds. Compared as texts, times are in the order of time.
  public let time: String

  /// Parses a line, without its line feed; nil where it is not one of the gateway's.
  public init?(_ line: Span<UInt8>) {
    guard line.count > 1 else { return nil }
    let isJSON = line[0] == UInt8(ascii: "{")
    guard let fields = isJSON ? LogLine.fields(json: line) : LogLine.fields(logfmt: line),
      let time = LogLine.value(of: "time", in: fields), LogLine.isTime(time)
    else { return nil }
    if let status = LogLine.value(of: "status", in: fields), LogLine.isStatus(status),
      LogLine.value(of: "request_id", in: fields) != nil
    {
      kind = .access
    } else if LogLine.value(of: "message", in: fields) != nil, LogLine.value(of: "level", in: fields) != nil {
      kind = .message
    } else {
      return nil
    }
    self.fields = fields
    self.time = time
  }

  /// The value of a field; nil where the line has none of that name.
  public subscript(_ name: String) -> String? { LogLine.value(of: name, in: fields) }

  /// Whether anyone could have caused it, as often as they like: the sender has shown nothing genuine.
  public var isOfUnknownClient: Bool {
    let isKnown = self["subject"] != nil
    guard let reason = self["reason"].flatMap(Reason.init(rawValue:)) else { return !isKnown }
    return RecentRefusals.Kind(reason, isVerified: isKnown) == .unknownClient
  }

  /// The value of a field as a whole number; nil where there is none, or it is something else.
  public func number(_ name: String) -> Int64? { self[name].flatMap { Int64($0) } }

  private static func value(of name: String, in fields: [Field]) -> String? {
    for index in fields.indices where fields[index].name == name { return fields[index].value }
    return nil
  }

  /// Whether `text` has the form that `Timestamp` writes.
  public static func isTime(_ text: String) -> Bool {
    let bytes = text.utf8Span.span
    guard bytes.count == 27 else { return false }
    for index in bytes.indices {
      let wanted: UInt8? =
        switch index {
        case 4, 7: UInt8(ascii: "-")
        case 10: UInt8(ascii: "T")
        case 13, 16: UInt8(ascii: ":")
        case 19: UInt8(ascii: ".")
        case 26: UInt8(ascii: "Z")
        default: nil
        }
      guard wanted.map({ $0 == bytes[index] }) ?? isDigit(bytes[index]) else { return false }
    }
    return true
  }

  private static func isStatus(_ text: String) -> Bool { text.utf8.count == 3 && text.utf8.allSatisfy(isDigit) }

  private static func isDigit(_ byte: UInt8) -> Bool { byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9") }
}

extension LogLine {
  private static func fields(json line: Span<UInt8>) -> [Field]? {
    guard let members = try? JSON.parse(line).object?.members else { return nil }
    return members.map { member in
      Field(
        name: member.name,
        value: member.value.string ?? String(decoding: member.value.serialized(), as: UTF8.self))
    }
  }

  private static func fields(logfmt line: Span<UInt8>) -> [Field]? {
    var fields: [Field] = []
    var index = 0
    while index < line.count {
      guard let equals = find(UInt8(ascii: "="), line, from: index),
        let name = name(line.extracting(index..<equals)), value(of: name, in: fields) == nil
      else { return nil }
      var end = equals + 1
      if end < line.count, line[end] == UInt8(ascii: "\"") {
        end += 1
        while end < line.count, line[end] != UInt8(ascii: "\"") { end += line[end] == UInt8(ascii: "\\") ? 2 : 1 }
        guard end < line.count, let value = try? JSON.parse(line.extracting(equals + 1..<end + 1)).string else {
          return nil
        }
        fields.append(Field(name: name, value: value))
        end += 1
        guard end == line.count || line[end] == UInt8(ascii: " ") else { return nil }
      } else {
        end = find(UInt8(ascii: " "), line, from: end) ?? line.count
        fields.append(Field(name: name, value: text(line.extracting(equals + 1..<end))))
      }
      index = end + 1
    }
    return fields
  }

  private static func name(_ bytes: Span<UInt8>) -> String? {
    guard bytes.count > 0, bytes.count <= 64 else { return nil }
    for index in bytes.indices {
      guard bytes[index] == UInt8(ascii: "_") || (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(bytes[index]) else {
        return nil
      }
    }
    return text(bytes)
  }

  private static func find(_ byte: UInt8, _ line: Span<UInt8>, from start: Int) -> Int? {
    var index = start
    while index < line.count {
      if line[index] == byte { return index }
      index += 1
    }
    return nil
  }

  private static func text(_ bytes: Span<UInt8>) -> String {
    String(decoding: [UInt8](bytes), as: UTF8.self)
  }
}
