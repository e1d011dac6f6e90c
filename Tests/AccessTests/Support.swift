import Access
import Crypto
import JSON
import Testing
import Tokens

/// Makes tokens that hold, as only the verifier can.
enum Issuer {
  private static let key = Result { try IssuerKey(SigningKey.generate(.ed25519), algorithm: .eddsa) }

  /// A verified token with these members, JSON text, beside those that each needs.
  static func token(
    _ members: String = "", provider: String = "company", mapping: ClaimMapping = ClaimMapping()
  ) throws -> VerifiedToken {
    let key = try key.get()
    let rest = members.isEmpty ? "" : "," + members
    let text = "{\"iss\":\"https://id.example\",\"aud\":\"orders\",\"exp\":4000000000\(rest)}"
    let claims = try #require(try JSON.parse(Array(text.utf8).span).object)
    let verifier = TokenVerifier(
      TokenPolicy(provider: provider, issuer: "https://id.example", audiences: .oneOf(["orders"]), claims: mapping))
    let minted = try TokenMinter.mint(claims, with: key)
    return try verifier.verify(minted.span, keys: KeySet([key]), now: 1_800_000_000, using: SignatureVerifier())
  }

  static func identity(_ members: String = "", provider: String = "company") throws -> Identity {
    .token(try token(members, provider: provider))
  }

  static func claims(_ members: String = "", provider: String = "company") throws -> ClaimsSet {
    try token(members, provider: provider).claims
  }
}

extension AccessRule {
  /// nil: there is none.
  func refusal(of claims: ClaimsSet?, _ facts: RequestFacts) -> Refusal? {
    do throws(Refusal) {
      try check(claims, facts)
      return nil
    } catch {
      return error
    }
  }
}
