/// Tokens that are refused although they verify: by their id, by whom they are about, by the key that signed them, or
/// by the sign-in that they came of.
///
/// A hash table over one block of bytes: of each entry the value, four bytes before it, and 12 bytes of table once it is
/// `fitted()`. That is less than three times the text of the entries. The hash is seeded per process, and values are
/// compared byte for byte (RFC 7519 §7.3).
public struct Revocations: Sendable {
  /// What an entry names.
  public enum Kind: UInt8, Sendable, CaseIterable {
    /// The claim `jti` (RFC 7519 §4.1.7).
    case tokenID = 1
    /// The claim that the provider's `claims.subject` names; `sub` (RFC 7519 §4.1.2) unless it says otherwise.
    case subject
    /// The header's `kid` (RFC 7515 §4.1.4).
    case keyID
    /// The claim `sid`: the sign-in that the token came of (OpenID Connect Front-Channel Logout 1.0 §3).
    case signInID

    /// As tokens call it.
    public var name: String {
      switch self {
      case .tokenID: "jti"
      case .subject: "sub"
      case .keyID: "kid"
      case .signInID: "sid"
      }
    }
  }

  /// Bytes of a value: more than any token can hold.
  public static let valueBytesMax = 32 << 10

  /// Where a value stands in the block, behind its prefix.
  private struct Slot: Sendable {
    /// Of the prefix.
    var start: UInt32 = 0
    /// Bytes of the value; 0: the slot is free.
    var count: UInt16 = 0
    /// A part of the hash that did not choose the slot.
    var tag: UInt16 = 0
  }

  private static let slotsMin = 8

  /// Entries, each counted once.
  public private(set) var count = 0
  private var countOfKind = InlineArray<5, Int>(repeating: 0)
  /// The number of each provider that has entries of its own, from 1; 0 stands for all providers.
  private var scopes: [[UInt8]: UInt32] = [:]
  private var block: [UInt8] = []
  private var slots: [Slot] = []

  /// None.
  public init() {}

  /// Whether nothing is revoked.
  public var isEmpty: Bool { count == 0 }

  /// Adds an entry; nothing changes where it is there already.
  ///
  /// - Parameters:
  ///   - value: 1 to `valueBytesMax` bytes.
  ///   - provider: The provider whose tokens are meant; nil: all.
  public mutating func insert(_ kind: Kind, _ value: Span<UInt8>, provider: String?) {
    let scope = provider.map { number(of: Array($0.utf8)) } ?? 0
    insert(Prefix(kind: kind.rawValue, scope: scope), value)
  }

  /// Makes room for a text of that many bytes.
  public mutating func reserve(bytes: Int) { block.reserveCapacity(bytes) }

  /// The same set without room for more entries.
  public func fitted() -> Revocations {
    var fitted = self
    fitted.rehash(slots: Revocations.slotCount(for: count))
    return fitted
  }

  /// Two thirds of the slots are taken at most.
  private static func slotCount(for count: Int) -> Int { max(slotsMin, count + count / 2 + 1) }

  /// What revokes a token of `provider` that says this of itself; nil: nothing does.
  public func kind(
    revoking provider: String, jti: String?, subject: String?, keyID: String?, signInID: String? = nil
  ) -> Kind? {
    guard count > 0 else { return nil }
    let scope = scopes.isEmpty ? nil : scopes[Array(provider.utf8)]
    if isListed(.tokenID, jti, scope) { return .tokenID }
    if isListed(.subject, subject, scope) { return .subject }
    if isListed(.keyID, keyID, scope) { return .keyID }
    return isListed(.signInID, signInID, scope) ? .signInID : nil
  }

  private func isListed(_ kind: Kind, _ text: String?, _ scope: UInt32?) -> Bool {
    guard let text, countOfKind[Int(kind.rawValue)] > 0 else { return false }
    let value = text.utf8Span.span
    if contains(Prefix(kind: kind.rawValue, scope: 0), value) { return true }
    guard let scope else { return false }
    return contains(Prefix(kind: kind.rawValue, scope: scope), value)
  }
}

extension Revocations {
  /// Entries that `earlier` has not.
  public func countAdded(since earlier: Revocations) -> Int {
    var added = 0
    forEachSlot(addedSince: earlier) { _ in added += 1 }
    return added
  }

  /// Calls `body` with what each entry names that `earlier` has not.
  func forEachAdded(since earlier: Revocations, _ body: (Kind, String) -> Void) {
    forEachSlot(addedSince: earlier) { slot in
      guard let kind = Kind(rawValue: prefix(of: slot).kind) else { return }
      body(kind, String(decoding: block[valueRange(of: slot)], as: UTF8.self))
    }
  }

  private func forEachSlot(addedSince earlier: Revocations, _ body: (Slot) -> Void) {
    let numbers = earlier.scopes
    let names = scopeNames
    for slot in slots where slot.count > 0 {
      let prefix = prefix(of: slot)
      let number = prefix.scope == 0 ? 0 : numbers[names[Int(prefix.scope)]]
      let known = number.map { Prefix(kind: prefix.kind, scope: $0) }
      if let known, earlier.contains(known, block.span.extracting(valueRange(of: slot))) { continue }
      body(slot)
    }
  }

  /// The entries of both.
  public func union(_ other: Revocations) -> Revocations {
    var result = self
    // The slots of `other` are walked in the order of the hash that chooses places here: in a table that grew on the way,
    // all would crowd into its beginning.
    let room = Revocations.slotCount(for: count + other.count)
    if room > result.slots.count { result.rehash(slots: room) }
    let names = other.scopeNames
    for slot in other.slots where slot.count > 0 {
      let prefix = other.prefix(of: slot)
      let number = prefix.scope == 0 ? 0 : result.number(of: names[Int(prefix.scope)])
      result.insert(
        Prefix(kind: prefix.kind, scope: number), other.block.span.extracting(other.valueRange(of: slot)))
    }
    return result
  }

  /// The names of the providers, by their numbers.
  private var scopeNames: [[UInt8]] {
    var names = [[UInt8]](repeating: [], count: scopes.count + 1)
    for (name, number) in scopes { names[Int(number)] = name }
    return names
  }
}

// MARK: The table

extension Revocations {
  /// What stands before a value in the block: the kind, and the provider's number in three bytes.
  private struct Prefix: Equatable {
    let kind: UInt8
    let scope: UInt32
    static let bytes = 4
  }

  private func prefix(of slot: Slot) -> Prefix {
    let start = Int(slot.start)
    let scope = UInt32(block[start + 1]) << 16 | UInt32(block[start + 2]) << 8 | UInt32(block[start + 3])
    return Prefix(kind: block[start], scope: scope)
  }

  private func valueRange(of slot: Slot) -> Range<Int> {
    let start = Int(slot.start) + Prefix.bytes
    return start..<start + Int(slot.count)
  }

  private mutating func number(of provider: [UInt8]) -> UInt32 {
    if let number = scopes[provider] { return number }
    let number = UInt32(scopes.count + 1)
    precondition(number < 1 << 24, "more providers than any configuration has")
    scopes[provider] = number
    return number
  }

  private mutating func insert(_ prefix: Prefix, _ value: Span<UInt8>) {
    precondition(!value.isEmpty && value.count <= Revocations.valueBytesMax, "no value")
    if (count + 1) * 3 > slots.count * 2 { rehash(slots: max(Revocations.slotsMin, slots.count * 2)) }
    let hash = Revocations.hash(prefix, value)
    let (place, isTaken) = find(prefix, value, hash)
    if isTaken { return }
    slots[place] = Slot(
      start: UInt32(block.count), count: UInt16(value.count), tag: UInt16(truncatingIfNeeded: hash))
    block.append(prefix.kind)
    for shift in [16, 8, 0] as [UInt32] { block.append(UInt8(truncatingIfNeeded: prefix.scope >> shift)) }
    for index in value.indices { block.append(value[index]) }
    count += 1
    countOfKind[Int(prefix.kind)] += 1
  }

  private func contains(_ prefix: Prefix, _ value: Span<UInt8>) -> Bool {
    guard count > 0, !value.isEmpty, value.count <= Revocations.valueBytesMax else { return false }
    return find(prefix, value, Revocations.hash(prefix, value)).isTaken
  }

  /// The slot of an entry, or the free one where it would stand.
  private func find(_ prefix: Prefix, _ value: Span<UInt8>, _ hash: UInt64) -> (place: Int, isTaken: Bool) {
    let tag = UInt16(truncatingIfNeeded: hash)
    var place = home(hash)
    // Ends: a third of the slots is free.
    while slots[place].count > 0 {
      let slot = slots[place]
      if slot.tag == tag, Int(slot.count) == value.count, isSame(slot, prefix, value) { return (place, true) }
      place = place + 1 == slots.count ? 0 : place + 1
    }
    return (place, false)
  }

  private func isSame(_ slot: Slot, _ prefix: Prefix, _ value: Span<UInt8>) -> Bool {
    guard self.prefix(of: slot) == prefix else { return false }
    let start = Int(slot.start) + Prefix.bytes
    return block.span.extracting(start..<start + Int(slot.count)).isSame(as: value)
  }

  /// The high part of the hash chooses the slot where the search begins.
  private func home(_ hash: UInt64) -> Int { Int(hash.multipliedFullWidth(by: UInt64(slots.count)).high) }

  private mutating func rehash(slots slotCount: Int) {
    let old = slots
    slots = [Slot](repeating: Slot(), count: slotCount)
    for slot in old where slot.count > 0 {
      var place = home(Revocations.hash(prefix(of: slot), block.span.extracting(valueRange(of: slot))))
      while slots[place].count > 0 { place = place + 1 == slots.count ? 0 : place + 1 }
      slots[place] = slot
    }
  }

  /// SipHash, keyed per process: who may choose ids cannot choose where they stand.
  private static func hash(_ prefix: Prefix, _ value: Span<UInt8>) -> UInt64 {
    var hasher = Hasher()
    hasher.combine(UInt32(prefix.kind) << 24 | prefix.scope)
    hasher.combine(value.count)
    var word: UInt64 = 0
    for index in value.indices {
      word = word << 8 | UInt64(value[index])
      if index & 7 == 7 {
        hasher.combine(word)
        word = 0
      }
    }
    hasher.combine(word)
    return UInt64(bitPattern: Int64(hasher.finalize()))
  }
}

extension Revocations {
  /// Whether the key that a token was verified with is revoked, and with it all that it has signed.
  public func listsKey(of token: VerifiedToken) -> Bool {
    kind(revoking: token.provider, jti: nil, subject: nil, keyID: token.keyID) != nil
  }

  /// What revokes one who was authenticated by these claims; nil: nothing does.
  ///
  /// - Parameter keyID: The `kid` of the key that signed them.
  public func kind(revoking claims: ClaimsSet, keyID: String?) -> Kind? {
    guard count > 0 else { return nil }
    return kind(
      revoking: claims.provider, jti: claims.tokenID, subject: claims.subject, keyID: keyID,
      signInID: countOfKind[Int(Kind.signInID.rawValue)] > 0 ? claims.signInID : nil)
  }
}

extension ClaimsSet {
  /// The claim `jti`.
  var tokenID: String? { if case .string(let text)? = claim(ClaimsSet.tokenIDPath) { text } else { nil } }
  /// The claim `sid`.
  var signInID: String? { if case .string(let text)? = claim(ClaimsSet.signInIDPath) { text } else { nil } }

  private static let tokenIDPath = ClaimPath(name: "jti")
  private static let signInIDPath = ClaimPath(name: "sid")
}

// MARK: What it costs

extension Revocations {
  /// Bytes of the block and of the table.
  public var bytesHeld: Int { block.count + slots.count * MemoryLayout<Slot>.stride }

  /// The longest way from where a search begins to the entry.
  var probesMax: Int {
    var longest = 0
    for (place, slot) in slots.enumerated() where slot.count > 0 {
      let start = home(Revocations.hash(prefix(of: slot), block.span.extracting(valueRange(of: slot))))
      longest = max(longest, (place - start + slots.count) % slots.count)
    }
    return longest
  }
}
