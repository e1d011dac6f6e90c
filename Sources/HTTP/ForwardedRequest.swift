public import Reason

/// What trusted proxies in front say of a request: `Forwarded` (RFC 7239), and `X-Forwarded-For`, `-Proto`, `-Host`,
/// `-Port`, `X-Request-Id`.
///
/// Proxies append, and what stands before their words may be anybody's. So the addresses are read from the end, as long
/// as they are trusted ones: the first that is not, or else the very first, is the client. What stands before it is not
/// read at all.
public struct ForwardedRequest: Sendable {
  /// The client, and behind it the proxies that the request has passed, but for the one that is connected. Empty where
  /// nothing is said.
  public private(set) var route: [IPAddress] = []
  /// As the client spoke it.
  public private(set) var scheme: Scheme?
  /// Host and port as the client named them; empty where nothing is said.
  public private(set) var authority = ByteRange.empty
  /// The port that the client connected to.
  public private(set) var port: UInt16?

  /// What the proxy calls the request: `X-Request-Id`; nil where it stands there not once.
  public private(set) var requestID: ByteRange?

  /// The first address of `route`; nil if no proxy says who the client is.
  public var client: IPAddress? { route.first }

  /// Reads the fields of a request that came from a trusted proxy.
  ///
  /// - Parameter trusted: The addresses of proxies.
  /// - Throws: Where a proxy's words are malformed, or contradict each other: one of the two ways to say it may be the
  ///   client's.
  public init(
    _ head: borrowing RequestHead, _ bytes: Span<UInt8>, trusted: [AddressBlock]
  ) throws(ForwardedError) {
    var clients: [ByteRange] = []
    var schemes: [ByteRange] = []
    var authorities: [ByteRange] = []
    var ports: [ByteRange] = []
    var requestIDs: [ByteRange] = []
    var elements = ForwardedElements()
    for index in head.fields.indices {
      let line = head.fields[index]
      guard line.known == .other else { continue }
      if FieldText.isWord(bytes, line.name, "forwarded") {
        try elements.append(bytes, line.value)
      } else if FieldText.isWord(bytes, line.name, "x-forwarded-for") {
        ForwardedRequest.append(line, bytes, to: &clients)
      } else if FieldText.isWord(bytes, line.name, "x-forwarded-proto") {
        ForwardedRequest.append(line, bytes, to: &schemes)
      } else if FieldText.isWord(bytes, line.name, "x-forwarded-host") {
        ForwardedRequest.append(line, bytes, to: &authorities)
      } else if FieldText.isWord(bytes, line.name, "x-forwarded-port") {
        ForwardedRequest.append(line, bytes, to: &ports)
      } else if FieldText.isWord(bytes, line.name, "x-request-id") {
        requestIDs.append(line.value)
      }
    }
    requestID = requestIDs.count == 1 ? requestIDs.first : nil
    let first = try readRoute(bytes, clients.map(Optional.init), trusted)
    scheme = try ForwardedRequest.scheme(bytes, ForwardedRequest.said(schemes, first, of: clients.count))
    try readAuthority(bytes, ForwardedRequest.said(authorities, first, of: clients.count))
    port = try ForwardedRequest.port(bytes, ForwardedRequest.said(ports, first, of: clients.count))
    if !elements.elements.isEmpty { try read(bytes, elements.elements, trusted) }
  }

  private static func append(_ line: FieldLine, _ bytes: Span<UInt8>, to list: inout [ByteRange]) {
    var elements = ListElements(line.value)
    while let element = elements.next(bytes) {
      if !element.isEmpty { list.append(element) }
    }
  }

  /// The client and the proxies behind it; where in the list the client stands.
  private mutating func readRoute(
    _ bytes: Span<UInt8>, _ nodes: [ByteRange?], _ trusted: [AddressBlock]
  ) throws(ForwardedError) -> Int {
    route = []
    var index = nodes.count
    while index > 0 {
      index -= 1
      guard let node = nodes[index], let address = ForwardedRequest.address(bytes, node) else { throw ForwardedError() }
      route.insert(address, at: 0)
      guard trusted.contains(where: { $0.contains(address) }) else { break }
    }
    return index
  }

  /// What `Forwarded` says, beside what the other fields said.
  private mutating func read(
    _ bytes: Span<UInt8>, _ elements: [ForwardedElements.Element], _ trusted: [AddressBlock]
  ) throws(ForwardedError) {
    let other = route
    let first = elements[try readRoute(bytes, elements.map(\.client), trusted)]
    guard other.isEmpty || other.first == route.first else { throw ForwardedError() }
    let scheme = try ForwardedRequest.scheme(bytes, first.scheme)
    guard self.scheme == nil || scheme == nil || self.scheme == scheme else { throw ForwardedError() }
    self.scheme = self.scheme ?? scheme
    guard let word = first.authority else { return }
    guard authority.isEmpty || ForwardedRequest.areSame(bytes, authority, word) else { throw ForwardedError() }
    try readAuthority(bytes, word)
  }

  /// The word that belongs to the client: the only one, or that of the proxy which appended the client's address.
  private static func said(_ words: [ByteRange], _ first: Int, of count: Int) throws(ForwardedError) -> ByteRange? {
    if words.count <= 1 { return words.first }
    guard words.count == count else { throw ForwardedError() }
    return words[first]
  }

  private static func scheme(_ bytes: Span<UInt8>, _ word: ByteRange?) throws(ForwardedError) -> Scheme? {
    guard let word else { return nil }
    if FieldText.isWord(bytes, word, "https") { return .https }
    guard FieldText.isWord(bytes, word, "http") else { throw ForwardedError() }
    return .http
  }

  private mutating func readAuthority(_ bytes: Span<UInt8>, _ word: ByteRange?) throws(ForwardedError) {
    guard let word else { return }
    do throws(HeadError) {
      _ = try Authority(bytes, word)
    } catch {
      throw ForwardedError()
    }
    authority = word
  }

  private static func port(_ bytes: Span<UInt8>, _ word: ByteRange?) throws(ForwardedError) -> UInt16? {
    guard let word else { return nil }
    guard let port = PortText.parse(bytes, word.lowerBound, word.upperBound), port > 0 else { throw ForwardedError() }
    return port
  }

  /// `address`, `address:port`, `[address]` or `[address]:port` (RFC 7239 §6, and what proxies write).
  private static func address(_ bytes: Span<UInt8>, _ node: ByteRange) -> IPAddress? {
    if node.isEmpty { return nil }
    if let address = IPAddress(bytes, node) { return address }
    var end = node.lowerBound
    let isBracketed = bytes[end] == UInt8(ascii: "[")
    let last = isBracketed ? UInt8(ascii: "]") : UInt8(ascii: ":")
    while end < node.upperBound, bytes[end] != last { end += 1 }
    guard end < node.upperBound else { return nil }
    let start = isBracketed ? node.lowerBound + 1 : node.lowerBound
    guard let address = IPAddress(bytes, ByteRange(start, end)), address.isIPv4 != isBracketed else { return nil }
    if isBracketed { end += 1 }
    guard end < node.upperBound else { return address }
    guard bytes[end] == UInt8(ascii: ":"), PortText.parse(bytes, end + 1, node.upperBound) != nil else { return nil }
    return address
  }

  private static func areSame(_ bytes: Span<UInt8>, _ first: ByteRange, _ second: ByteRange) -> Bool {
    guard first.count == second.count else { return false }
    for offset in 0..<first.count
    where ByteClass.lowered(bytes[first.lowerBound + offset]) != ByteClass.lowered(bytes[second.lowerBound + offset]) {
      return false
    }
    return true
  }
}

/// A trusted proxy's words about the client are malformed, or contradict each other.
public struct ForwardedError: Error, Equatable {
  /// Always `forwardedInvalid`.
  public var reason: Reason { .forwardedInvalid }
}
