internal import Crypto
internal import JSON
internal import Tokens

/// A copy of fetched keys, as it stands on disk: a JSON object `{"version", "sha256", "content"}`, where the hash is of
/// `content` as `JSONValue.serialized` writes it.
///
/// The hash finds damage; that nobody else wrote the file is what its owner and its mode are for.
struct KeyCopy: Equatable {
  /// Whose keys they are, so that they never become another's.
  var issuer: String
  /// Where the configuration says that they are: a key set, or a discovery document.
  var location: String
  /// Where they were fetched.
  var address: String
  /// The file of those who vouched for that place; nil: the system's.
  var certificateAuthorityFile: String?
  var entityTag: String?
  var fetchedAt: UnixSeconds
  /// By thumbprint.
  var firstSeen: [String: UnixSeconds]
  /// The key set as it was fetched.
  var text: [UInt8]

  private static let version: Int64 = 1

  /// More than the bytes that `isBeginning` looks at.
  static let beginningBytesMax = 64

  /// Whether a file that begins with these bytes was written as a copy, by whichever version, and is damaged at most;
  /// one with nothing in it has nothing to lose.
  static func isBeginning(_ bytes: [UInt8]) -> Bool {
    if bytes.isEmpty { return true }
    let before = Array(#"{"version":"#.utf8)
    guard bytes.starts(with: before) else { return false }
    let digits = bytes.dropFirst(before.count).prefix { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
    return !digits.isEmpty && bytes[digits.endIndex...].starts(with: #","sha256":""#.utf8)
  }

  func serialized() throws(CryptoError) -> [UInt8] {
    var members = [
      JSONObject.Member(name: "issuer", value: .string(issuer)),
      JSONObject.Member(name: "location", value: .string(location)),
      JSONObject.Member(name: "address", value: .string(address)),
      JSONObject.Member(name: "fetched_at", value: .integer(fetchedAt)),
    ]
    if let file = certificateAuthorityFile { members.append(JSONObject.Member(name: "ca", value: .string(file))) }
    if let entityTag { members.append(JSONObject.Member(name: "entity_tag", value: .string(entityTag))) }
    let seen = firstSeen.sorted { $0.key < $1.key }.map { JSONObject.Member(name: $0.key, value: .integer($0.value)) }
    members.append(JSONObject.Member(name: "first_seen", value: JSONObject(seen).map { .object($0) } ?? .null))
    members.append(JSONObject.Member(name: "key_set", value: .string(String(decoding: text, as: UTF8.self))))
    let content = JSONObject(members).map { JSONValue.object($0) } ?? .null
    let envelope = JSONValue.object([
      "version": .integer(KeyCopy.version), "sha256": .string(try KeyCopy.digest(content)), "content": content,
    ])
    return envelope.serialized() + [UInt8(ascii: "\n")]
  }

  init(
    issuer: String, location: String, address: String, certificateAuthorityFile: String? = nil, entityTag: String?,
    fetchedAt: UnixSeconds, firstSeen: [String: UnixSeconds], text: [UInt8]
  ) {
    self.issuer = issuer
    self.location = location
    self.address = address
    self.certificateAuthorityFile = certificateAuthorityFile
    self.entityTag = entityTag
    self.fetchedAt = fetchedAt
    self.firstSeen = firstSeen
    self.text = text
  }

  init(_ bytes: Span<UInt8>) throws(KeyCopyFault) {
    guard let envelope = try? JSON.parse(bytes).object else { throw .damaged }
    guard case .integer(let version) = envelope["version"] else { throw .damaged }
    guard version == KeyCopy.version else { throw .otherVersion }
    guard let content = envelope["content"], let members = content.object, let hash = envelope["sha256"]?.string,
      let digest = try? KeyCopy.digest(content), digest.isSameBytes(as: hash),
      let issuer = members["issuer"]?.string, let location = members["location"]?.string,
      let address = members["address"]?.string, case .integer(let fetchedAt) = members["fetched_at"],
      let seen = members["first_seen"]?.object, let text = members["key_set"]?.string
    else { throw .damaged }
    self.issuer = issuer
    self.location = location
    self.address = address
    self.fetchedAt = fetchedAt
    self.text = Array(text.utf8)
    certificateAuthorityFile = members["ca"]?.string
    entityTag = members["entity_tag"]?.string
    firstSeen = [:]
    for member in seen.members {
      guard case .integer(let time) = member.value else { throw .damaged }
      firstSeen[member.name] = time
    }
  }

  private static func digest(_ content: JSONValue) throws(CryptoError) -> String {
    try HashFunction.sha256.digest(of: content.serialized().span).map { byte in
      let digits = String(byte, radix: 16)
      return digits.utf8.count == 1 ? "0\(digits)" : digits
    }.joined()
  }
}
