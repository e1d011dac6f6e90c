import Configuration
import Crypto
import JSON
import Reason
import State
import Synchronization
import Tokens

/// The access tokens of a sign-in's provider: made, and verified where they come back to the gateway's own paths.
final class AccessTokens: Sendable {
  let policy: TokenPolicy
  let lifetimeSeconds: Int64
  private let verifier: TokenVerifier
  /// What OpenSSL prepares for a key is kept for the next token.
  private let signatures = Mutex(SignatureVerifier())

  init(policy: TokenPolicy, lifetimeSeconds: Int64) {
    self.policy = policy
    self.lifetimeSeconds = lifetimeSeconds
    verifier = TokenVerifier(policy)
  }

  /// Claims that say who somebody is and for how long: no user's own claims stand in their place.
  static let reserved = [
    "iss", "sub", "preferred_username", "roles", "permissions", "scope", "aud", "iat", "nbf", "exp", "jti", "sid",
    "auth_time", "amr", "acr", "client_id", "azp", "cnf", "act", "may_act",
  ]

  /// A token of a user's sign-in (RFC 9068 §2.2).
  func token(
    of user: User, signIn: SignInRecord, now: UnixSeconds, key: IssuerKey
  ) throws(TokenNotMade) -> [UInt8] {
    var members = [
      JSONObject.Member(name: "iss", value: .string(policy.issuer)),
      JSONObject.Member(name: "sub", value: .string(user.id)),
      JSONObject.Member(name: "preferred_username", value: .string(user.username)),
      // RFC 9068 §2.2 requires one. It was the gateway itself that the user signed in with, and no machine is called so.
      JSONObject.Member(name: "client_id", value: .string(policy.issuer)),
    ]
    members += AccessTokens.rights(user.roles, user.permissions, user.scopes)
    members += try common(now, until: min(now + lifetimeSeconds, signIn.expiresAt))
    members += [
      JSONObject.Member(name: "sid", value: .string(signIn.id)),
      JSONObject.Member(name: "auth_time", value: .integer(signIn.authenticatedAt)),
      JSONObject.Member(name: "amr", value: .array(signIn.methods.map { .string($0) })),
    ]
    for claim in user.claims where !AccessTokens.reserved.containsSameBytes(as: claim.name) {
      members.append(JSONObject.Member(name: claim.name, value: JSONValue(claim.value)))
    }
    return try mint(members, key)
  }

  /// A token of a machine's own (RFC 6749 §4.4).
  ///
  /// - Parameters:
  ///   - scopes: Those that it asked for, or all that it may have.
  ///   - signIn: The id of the sign-in that all tokens of its secret are of.
  func token(
    of client: MachineClient, scopes: [String], signIn: String, now: UnixSeconds, key: IssuerKey
  ) throws(TokenNotMade) -> [UInt8] {
    var members = [
      JSONObject.Member(name: "iss", value: .string(policy.issuer)),
      JSONObject.Member(name: "sub", value: .string(client.id)),
      JSONObject.Member(name: "client_id", value: .string(client.id)),
    ]
    members += AccessTokens.rights(client.roles, client.permissions, scopes)
    members += try common(now, until: now + lifetimeSeconds)
    members.append(JSONObject.Member(name: "sid", value: .string(signIn)))
    return try mint(members, key)
  }

  /// Lists stand there when they are empty, too: who reads them needs no other case. A scope is never empty (RFC 6749
  /// §3.3).
  private static func rights(
    _ roles: [String], _ permissions: [String], _ scopes: [String]
  ) -> [JSONObject.Member] {
    let lists = [
      JSONObject.Member(name: "roles", value: .array(roles.map { .string($0) })),
      JSONObject.Member(name: "permissions", value: .array(permissions.map { .string($0) })),
    ]
    // One string, with spaces between.
    return scopes.isEmpty
      ? lists : lists + [JSONObject.Member(name: "scope", value: .string(scopes.joined(separator: " ")))]
  }

  private func common(_ now: UnixSeconds, until end: UnixSeconds) throws(TokenNotMade) -> [JSONObject.Member] {
    var members: [JSONObject.Member] = []
    if case .oneOf(let audiences) = policy.audiences {
      let list = audiences.map { JSONValue.string($0) }
      members.append(JSONObject.Member(name: "aud", value: list.count == 1 ? list[0] : .array(list)))
    }
    let random: [UInt8]
    do throws(CryptoError) { random = try RandomBytes.make(16) } catch { throw .crypto(error) }
    return members + [
      JSONObject.Member(name: "iat", value: .integer(now)), JSONObject.Member(name: "nbf", value: .integer(now)),
      JSONObject.Member(name: "exp", value: .integer(end)),
      JSONObject.Member(name: "jti", value: .string(Base64URL.text(random))),
    ]
  }

  private func mint(_ members: [JSONObject.Member], _ key: IssuerKey) throws(TokenNotMade) -> [UInt8] {
    guard let claims = JSONObject(members) else { throw .claims }
    do throws(SigningKeyError) {
      return try TokenMinter.mint(claims, with: key)
    } catch {
      throw .signing(error)
    }
  }

  /// What a token says that this provider has issued, and that is good; why it is not.
  func verified(
    _ token: [UInt8], keys: [IssuerKey], revocations: [Revocations], now: UnixSeconds
  ) -> Result<VerifiedToken, NotVerified> {
    do throws(TokenError) {
      let verified = try signatures.withLock { signatures throws(TokenError) in
        try verifier.verify(token.span, keys: KeySet(keys), now: now, using: signatures)
      }
      let isRevoked = AccessTokens.isRevoked(verified.claims, keyID: verified.keyID, revocations)
      return isRevoked ? .failure(NotVerified(reason: .tokenRevoked)) : .success(verified)
    } catch {
      if case .crypto(let cause) = error.fault {
        return .failure(NotVerified(reason: error.reason, failure: cause.description))
      }
      return .failure(NotVerified(reason: error.reason))
    }
  }

  /// Why routes would refuse a token that has just been signed with `key`, as a revoked user's; nil: they would not.
  func refusal(
    ofIssued token: [UInt8], by key: IssuerKey, revocations: [Revocations], now: UnixSeconds
  ) -> Reason? {
    do throws(TokenError) {
      let claims = try verifier.checkIssued(token.span, by: key, now: now)
      return AccessTokens.isRevoked(claims, keyID: key.keyID, revocations) ? .tokenRevoked : nil
    } catch {
      return error.reason
    }
  }

  private static func isRevoked(_ claims: ClaimsSet, keyID: String?, _ revocations: [Revocations]) -> Bool {
    revocations.contains { $0.kind(revoking: claims, keyID: keyID) != nil }
  }
}

/// Why a token that came back is not good.
struct NotVerified: Error {
  let reason: Reason
  /// How the gateway failed to find out; nil: it did not fail.
  var failure: String?
}

/// Why no token could be made.
enum TokenNotMade: Error {
  case noKey
  /// Two of them have one name.
  case claims
  case crypto(CryptoError)
  case signing(SigningKeyError)
}

extension TokenNotMade: CustomStringConvertible {
  var description: String {
    switch self {
    case .noKey: "there is no key to sign tokens with"
    case .claims: "a token would have had two claims of one name"
    case .crypto(let error): error.description
    case .signing(let error): "a token could not be signed: \(error)"
    }
  }
}
