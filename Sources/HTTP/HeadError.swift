public import Reason

/// What is wrong with a message head.
public struct HeadError: Error, Equatable {
  /// Why the head is refused.
  public let reason: Reason
  /// Where in the bytes that were parsed.
  public let offset: Int

  init(_ reason: Reason, at offset: Int) {
    self.reason = reason
    self.offset = offset
  }
}

/// How large a head may be.
public struct HeadLimits: Sendable, Equatable {
  /// Bytes, with the empty line at the end.
  public var headBytesMax: Int
  /// The maximum number of field lines.
  public var fieldsMax: Int
  /// Bytes of the request target.
  public var targetBytesMax: Int

  /// By default 16 KiB for the head, 100 field lines, and 8 KiB for the target.
  public init(headBytesMax: Int = 16 * 1024, fieldsMax: Int = 100, targetBytesMax: Int = 8 * 1024) {
    self.headBytesMax = headBytesMax
    self.fieldsMax = fieldsMax
    self.targetBytesMax = targetBytesMax
  }
}

/// The versions of HTTP that are spoken (RFC 9112 §2.3); a message of any other is refused.
public enum HTTPVersion: UInt8, Sendable { case http10, http11 }

/// A listener's scheme.
public enum Scheme: UInt8, Sendable { case http, https }

/// The methods of RFC 9110 §9 and PATCH (RFC 5789); any other token is `other`.
public enum Method: UInt8, Sendable {
  case get, head, post, put, delete, options, patch, other

  /// Whether it asks for nothing but to be told (RFC 9110 §9.2.1).
  public var isSafe: Bool { self == .get || self == .head || self == .options }
}

/// How the end of a message's body is found (RFC 9112 §6.3).
public enum BodyFraming: Equatable, Sendable {
  /// There is no body.
  case none
  /// Content-Length: the body has so many bytes.
  case length(UInt64)
  /// Transfer-Encoding: the last chunk ends the body (RFC 9112 §7.1).
  case chunked
  /// Responses only: the end of the connection is the end of the body.
  case untilClose
}

/// The form of a request target (RFC 9112 §3.2). Authority-form, which only CONNECT has, is refused.
public enum TargetForm: UInt8, Sendable { case origin, absolute, asterisk }
