import ArgumentParser
import Configuration
import Testing
import Tokens

@testable import Gateway

@Suite("Who a request might come from, as --as says it")
struct SuppositionTests {
  private static let providers = """
      company: { issuer: https://id.example.com, audiences: [a], jwks_url: https://id.example.com/jwks }
      partner: { issuer: https://partner.example.com, audiences: [a], jwks_url: https://partner.example.com/jwks }
    """

  private func identity(_ options: String...) throws -> SupposedIdentity? {
    try Supposition.identity(options, try configuration(providers: Self.providers))
  }

  @Test("Nothing said is nobody; anything said is somebody")
  func nobody() throws {
    #expect(try identity() == nil)
    #expect(try identity("role=admin") != nil)
  }

  @Test("Everything that can be said")
  func everything() throws {
    var claims = StatedClaims()
    claims.subject = "alice"
    claims.roles = ["admin", "clerk"]
    claims.scopes = ["read"]
    claims.permissions = ["orders:write"]
    claims.others = [
      (try ClaimPath("tenant"), .string("acme")), (try ClaimPath("account.id"), .integer(7)),
      (try ClaimPath("vip"), .boolean(true)), (try ClaimPath("note"), .string("a=b")),
    ]
    #expect(
      try identity(
        "subject=alice", "role=admin", "role=clerk", "scope=read", "permission=orders:write", "claim=tenant=acme",
        "claim=account.id=7", "claim=vip=true", "claim=note=a=b", "provider=partner", "authenticated=10m")
        == SupposedIdentity(provider: 1, claims: claims, authenticatedAgo: 600))
  }

  @Test("Of what there is only one of, the last one counts; values are not read any further")
  func last() throws {
    let said = try #require(try identity("subject=a", "subject=b=c, d", "provider=partner", "provider=company"))
    #expect(said.claims.subject == "b=c, d" && said.provider == 0 && said.authenticatedAgo == nil)
  }

  @Test("A claim may be said to be empty")
  func empty() throws {
    let said = try #require(try identity("claim=tenant="))
    #expect(said.claims.others.map(\.path.description) == ["tenant"])
  }

  @Test(
    "What cannot be supposed is said",
    arguments: [
      ("admin", "--as admin is not of the form what=value"), ("role=", "--as role= is not of the form what=value"),
      ("", "--as  is not of the form what=value"),
      ("=admin", "--as =admin: what must be one of subject, role, scope, permission, claim, provider, authenticated"),
      (
        "roles=admin",
        "--as roles=admin: what must be one of subject, role, scope, permission, claim, provider, authenticated"
      ),
      (
        "Role=admin",
        "--as Role=admin: what must be one of subject, role, scope, permission, claim, provider, authenticated"
      ),
      ("claim=tenant", "--as claim=tenant is not of the form claim=name=value"),
      ("claim==x", "--as claim==x is not of the form claim=name=value"),
      ("claim=a..b=x", "--as claim=a..b=x is not of the form claim=name=value"),
      ("provider=nobody", "no provider \"nobody\"; the providers are: company, partner"),
      ("authenticated=soon", "--as authenticated=soon is not a duration; write 30s, 10m or 1h"),
      ("authenticated=-1h", "--as authenticated=-1h is not a duration; write 30s, 10m or 1h"),
    ])
  func refused(option: String, message: String) throws {
    let fault = #expect(throws: ValidationError.self) { try identity("role=admin", option) }
    #expect(fault?.message == message)
  }

  @Test("Where there are no providers none is listed")
  func noProviders() throws {
    let configuration = try configuration()
    let fault = #expect(throws: ValidationError.self) {
      try Supposition.identity(["provider=company"], configuration)
    }
    #expect(fault?.message == "no provider \"company\"")
  }
}
