import Configuration
import HTTP
import Sockets

/// A route's `cors`, rendered for the loops.
struct ActiveCORS: Sendable {
  /// The allowed origins, compared bytewise (RFC 6454 §4); nil if any is.
  private let origins: [[UInt8]]?
  /// Field lines of responses for each of the origins; a single entry if any origin is allowed.
  private let allowed: [[UInt8]]
  /// Field lines of responses for other origins, if origins are listed.
  private let unlisted: [UInt8]
  private let preflight: [LocalResponse]
  /// The field line by which a page may read what the gateway says beside a refusal: which token it needs, and when to try
  /// again.
  private static let exposed = lines([
    ("Access-Control-Expose-Headers", "WWW-Authenticate, Retry-After, X-Request-Id")
  ])
  private let takesCredentials: Bool
  private let methods: [[UInt8]]

  /// The upstream's own fields, which the gateway's replace: browsers accept no more than one of each.
  static let replacedFields = FieldNameSet([
    "Access-Control-Allow-Origin", "Access-Control-Allow-Credentials", "Access-Control-Allow-Methods",
    "Access-Control-Allow-Headers", "Access-Control-Max-Age",
  ])

  init(_ configuration: CORSConfiguration) {
    takesCredentials = configuration.credentials
    methods = configuration.methods.map { [UInt8]($0.utf8) }
    let vary: [(name: String, value: String)] = configuration.origins == .any ? [] : [("Vary", "Origin")]
    var ofRequests: [[(name: String, value: String)]] = []
    switch configuration.origins {
    case .any:
      origins = nil
      ofRequests = [[("Access-Control-Allow-Origin", "*")]]
    case .listed(let list):
      origins = list.map { [UInt8]($0.utf8) }
      ofRequests = list.map { origin in
        let credentials = configuration.credentials ? [("Access-Control-Allow-Credentials", "true")] : []
        return [("Access-Control-Allow-Origin", origin)] + credentials + vary
      }
    }
    allowed = ofRequests.map(ActiveCORS.lines)
    unlisted = ActiveCORS.lines(vary)
    var ofPreflights = [("Access-Control-Allow-Methods", configuration.methods.joined(separator: ", "))]
    if !configuration.headers.isEmpty {
      ofPreflights.append(("Access-Control-Allow-Headers", configuration.headers.joined(separator: ", ")))
    }
    if let maxAge = configuration.maxAge {
      ofPreflights.append(("Access-Control-Max-Age", "\(maxAge.components.seconds)"))
    }
    preflight = ofRequests.map { LocalResponse(status: 204, fields: $0 + ofPreflights, body: []) }
  }

  /// The field lines to add to the response to a request, each with its CRLF.
  func fields(answering head: borrowing RequestHead, _ bytes: Span<UInt8>) -> [UInt8] {
    // The same for every client, so that a cached response serves all of them.
    if origins == nil { return allowed[0] }
    guard let origin = ActiveCORS.origin(of: head), let index = index(of: origin, bytes) else { return unlisted }
    return allowed[index]
  }

  /// The field line to add to a response of the gateway's own beside `fields`, with its CRLF; empty if the page may not
  /// read the response.
  func exposure(answering head: borrowing RequestHead, _ bytes: Span<UInt8>) -> [UInt8] {
    if origins == nil { return ActiveCORS.exposed }
    return ActiveCORS.origin(of: head).flatMap { index(of: $0, bytes) } == nil ? [] : ActiveCORS.exposed
  }

  /// The response to a preflight (Fetch, "CORS protocol"); nil if its origin is not listed.
  func answer(toPreflight head: borrowing RequestHead, _ bytes: Span<UInt8>) -> LocalResponse? {
    ActiveCORS.origin(of: head).flatMap { index(of: $0, bytes) }.map { preflight[$0] }
  }

  /// Whether a page of the request's origin may send credentials that browsers add by themselves (SECURITY C-14), with
  /// the request's method: forms and WebSockets need no preflight, in which the browser would compare it.
  func trusts(_ head: borrowing RequestHead, _ bytes: Span<UInt8>) -> Bool {
    guard takesCredentials, origins != nil else { return false }
    let method = bytes.extracting(head.method.lowerBound..<head.method.upperBound)
    guard methods.contains(where: { Bytes.areEqual($0.span, method) }) else { return false }
    return ActiveCORS.origin(of: head).flatMap { index(of: $0, bytes) } != nil
  }

  private func index(of origin: ByteRange, _ bytes: Span<UInt8>) -> Int? {
    guard let origins else { return 0 }
    let written = bytes.extracting(origin.lowerBound..<origin.upperBound)
    for index in origins.indices {
      let listed = origins[index]
      if listed.span.isSame(as: written) { return index }
    }
    return nil
  }

  /// The value of the only Origin line; nil if there is none, or more than one.
  private static func origin(of head: borrowing RequestHead) -> ByteRange? {
    head.originCount == 1 ? head.fields[head.originLine].value : nil
  }

  /// The method that a preflight asks about; nil if the request is not a preflight.
  static func methodAskedFor(_ head: borrowing RequestHead, _ bytes: Span<UInt8>) -> ByteRange? {
    guard head.knownMethod == .options, origin(of: head) != nil else { return nil }
    for index in head.fields.indices
    where FieldText.isWord(bytes, head.fields[index].name, "access-control-request-method") {
      return head.fields[index].value
    }
    return nil
  }

  private static func lines(_ fields: [(name: String, value: String)]) -> [UInt8] {
    [UInt8](fields.map { "\($0.name): \($0.value)\r\n" }.joined().utf8)
  }
}
