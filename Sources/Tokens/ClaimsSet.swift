internal import JSON
public import Reason

/// The JWT Claims Set (RFC 7519 §4) of one who was authenticated: who it is, and what they may do.
///
/// Claims stay where they were read, in one block of memory, and are looked at there.
public final class ClaimsSet: Sendable {
  /// The provider's name in the configuration.
  public let provider: String
  /// The provider's `issuer` in the configuration. The `iss` of a token, if it has one, is the same byte for byte.
  public let issuer: String
  /// Who it is about; nil where the claims do not say.
  public let subject: String?
  /// The provider's: how far its clock may be off.
  public let leewaySeconds: Int64
  let claims: JSONDocument
  private let rolesPlace: JSONDocument.Place?
  private let scopesPlace: JSONDocument.Place?
  private let permissionsPlace: JSONDocument.Place?
  private let confirmationPlace: JSONDocument.Place?
  /// What came of what the provider tries on its tokens; nil: nothing was tried.
  private let tried: TriedTokenResult?
  /// Claims that are there, and hold no words.
  private let unreadable: Words
  let emailTrust: EmailTrust

  /// What words can be asked for.
  public struct Words: OptionSet, Sendable {
    /// A bit for each kind.
    public let rawValue: UInt8

    /// - Parameter rawValue: The bits of the kinds below, combined.
    public init(rawValue: UInt8) { self.rawValue = rawValue }

    /// What `ClaimsSet.roles` holds.
    public static let roles = Words(rawValue: 1)
    /// What `ClaimsSet.scopes` holds.
    public static let scopes = Words(rawValue: 2)
    /// What `ClaimsSet.permissions` holds.
    public static let permissions = Words(rawValue: 4)
  }

  convenience init(_ claims: JSONDocument, _ policy: borrowing TokenPolicy, tried: TriedTokenResult? = nil) {
    let isDenied =
      policy.claims.subject.isEmail && EmailTrust(claims, policy.emailVerification) == .denied
    self.init(claims, policy, subject: isDenied ? nil : ClaimsSet.subject(of: claims, policy), tried: tried)
  }

  /// What the claim says that names the subject, whatever may be thought of it; nil where there is none, or no name.
  static func subject(of claims: JSONDocument, _ policy: borrowing TokenPolicy) -> String? {
    claims.place(policy.claims.subject).flatMap { claims.name($0) }
  }

  init(_ claims: JSONDocument, _ policy: borrowing TokenPolicy, subject: String?, tried: TriedTokenResult? = nil) {
    self.claims = claims
    self.subject = subject
    emailTrust = EmailTrust(claims, policy.emailVerification)
    self.tried = tried
    provider = policy.provider
    issuer = policy.issuer
    leewaySeconds = policy.leewaySeconds
    let provesNothing = emailTrust != .proven
    // No right comes of an address that is not known to be somebody's (SECURITY I-9).
    func words(_ path: ClaimPath, orObjects takesObjects: Bool = false) -> JSONDocument.Place? {
      guard !(path.isEmail && provesNothing), let place = claims.place(path) else { return nil }
      return claims.holdsWords(place) || takesObjects && claims.holdsObjects(place) ? place : nil
    }
    rolesPlace = words(policy.claims.roles, orObjects: true)
    scopesPlace = words(policy.claims.scopes)
    permissionsPlace = words(policy.claims.permissions)
    confirmationPlace = claims.member("cnf", of: claims.root)
    var unreadable: Words = []
    for (words, path, place) in [
      (Words.roles, policy.claims.roles, rolesPlace), (.scopes, policy.claims.scopes, scopesPlace),
      (.permissions, policy.claims.permissions, permissionsPlace),
    ] where place == nil {
      let saysNone = claims.place(path).map { claims.kind($0) == .null } ?? claims.isAbsent(path)
      if !saysNone { unreadable.insert(words) }
    }
    self.unreadable = unreadable
  }

  /// Whether the claim says which it holds: also where there is none, which says that it holds none.
  public func isReadable(_ words: Words) -> Bool { !unreadable.contains(words) }

  /// Whether its provider tries something on its tokens.
  public var areTried: Bool { tried != nil }

  /// Why the token would be refused, were what its provider tries enforced; nil: it would not.
  public func triedRefusal(at now: UnixSeconds) -> Reason? { tried?.refusal(at: now) }

  /// For so many in a hundred senders that is enforced.
  public var triedPercentage: Int { tried?.enforcedPercentage ?? 0 }

  /// Bytes of the block that holds the claims.
  public var bytesHeld: Int { claims.bytesHeld }

  /// The claim at `path`; nil where there is none, and of an `email` that is said not to be verified or is not one
  /// address.
  public func claim(_ path: ClaimPath) -> ClaimValue? {
    if path.isEmail, emailTrust == .denied { return nil }
    return claims.place(path).map { ClaimValue(claims.value($0)) }
  }

  /// The claim at `path` whatever may be thought of it, for people.
  public func statedClaim(_ path: ClaimPath) -> ClaimValue? { claims.place(path).map { ClaimValue(claims.value($0)) } }

  /// What whoever sends the token has to show (RFC 7800 §3.1).
  public var confirmation: TokenConfirmation {
    confirmationPlace.map { TokenConfirmation(ClaimValue(claims.value($0))) } ?? .unbound
  }

  /// Whole words (SECURITY T-17): a string's, which spaces part (RFC 6749 §3.3), a list's strings, or the names of an
  /// object whose members are objects, as some issuers write what a role is valid for. Anything else holds none.
  public var roles: [String] { rolesPlace.map { claims.words($0) } ?? [] }

  /// Whole words: a string's or a list's.
  public var scopes: [String] { scopesPlace.map { claims.words($0) } ?? [] }

  /// Whole words: a string's or a list's.
  public var permissions: [String] { permissionsPlace.map { claims.words($0) } ?? [] }

  /// Whether one of `roles` holds that word, byte for byte.
  public func hasRole(_ role: String) -> Bool { rolesPlace.map { claims.hasWord(role, $0) } ?? false }

  /// Whether one of `scopes` is that word, byte for byte.
  public func hasScope(_ scope: String) -> Bool { scopesPlace.map { claims.hasWord(scope, $0) } ?? false }

  /// Whether one of `permissions` is that word, byte for byte.
  public func hasPermission(_ permission: String) -> Bool {
    permissionsPlace.map { claims.hasWord(permission, $0) } ?? false
  }
}

extension JSONDocument {
  /// The value at `path`; nil where there is none.
  func place(_ path: ClaimPath) -> Place? {
    var place = root
    for name in path.names {
      guard let inner = member(name, of: place) else { return nil }
      place = inner
    }
    return place
  }

  /// Whether nothing stands at `path` and nothing in its way: neither what it names, nor something else than an object
  /// where an object would hold it. null is nothing.
  func isAbsent(_ path: ClaimPath) -> Bool {
    var place = root
    for name in path.names {
      guard kind(place) == .object else { return kind(place) == .null }
      guard let inner = member(name, of: place) else { return true }
      place = inner
    }
    return false
  }

  /// A name for one who has to be called something: a string, or an integer, as some issuers number their users.
  fileprivate func name(_ place: Place) -> String? {
    switch kind(place) {
    case .string: string(place)
    case .integer: integer(place).map { "\($0)" }
    default: nil
    }
  }

  /// A string, or an array of nothing but strings.
  fileprivate func holdsWords(_ place: Place) -> Bool {
    switch kind(place) {
    case .string: return true
    case .array:
      var next = firstElement(of: place)
      while let element = next {
        guard kind(element) == .string else { return false }
        next = self.element(after: element, of: place)
      }
      return true
    default: return false
    }
  }

  /// An object of nothing but objects. `{"admin": true}` and `{"admin": 0}` say something of a role, and not what.
  fileprivate func holdsObjects(_ place: Place) -> Bool {
    guard kind(place) == .object else { return false }
    var next = firstMember(of: place)
    while let member = next {
      guard kind(member.value) == .object else { return false }
      next = self.member(after: member, of: place)
    }
    return true
  }

  fileprivate func words(_ place: Place) -> [String] {
    var words: [String] = []
    switch kind(place) {
    case .string:
      let text = string(place) ?? ""
      words = text.utf8.split(separator: UInt8(ascii: " ")).map { String(Substring($0)) }
    case .array:
      var next = firstElement(of: place)
      while let element = next {
        if let word = string(element) { words.append(word) }
        next = self.element(after: element, of: place)
      }
    default:
      var next = firstMember(of: place)
      while let member = next {
        words.append(name(of: member))
        next = self.member(after: member, of: place)
      }
    }
    return words
  }

  fileprivate func hasWord(_ word: String, _ place: Place) -> Bool {
    switch kind(place) {
    case .string:
      guard let range = stringRange(place) else { return false }
      return withBytes { bytes in JSONDocument.hasWord(word.utf8Span.span, bytes.extracting(range)) }
    case .array:
      var next = firstElement(of: place)
      while let element = next {
        if isString(element, word) { return true }
        next = self.element(after: element, of: place)
      }
      return false
    default:
      return member(word, of: place) != nil
    }
  }

  /// Whether `text` holds `word` between spaces or its ends.
  private static func hasWord(_ word: Span<UInt8>, _ text: Span<UInt8>) -> Bool {
    guard !word.isEmpty else { return false }
    var start = 0
    while start < text.count {
      var end = start
      while end < text.count, text[end] != UInt8(ascii: " ") { end += 1 }
      if text.extracting(start..<end).isSame(as: word) { return true }
      start = end + 1
    }
    return false
  }
}
