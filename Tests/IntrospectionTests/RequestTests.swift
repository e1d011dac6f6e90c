import Crypto
import Fetch
import JSON
import OAuth
import TestSupport
import Testing
import Tokens

@testable import Introspection

@Suite("Questions to an endpoint (RFC 7662 §2.1)")
struct RequestTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private func request(
    secret: String, clientID: String = "s6BhdRkqt3", about token: String = "mF_9.B5f-4.1JqM"
  ) throws -> FetchRequest {
    let path = try folder.write("secret", Array(secret.utf8))
    return try IntrospectionRequest(.example(.secretFile(path), clientID: clientID))
      .make(about: Array(token.utf8), now: 1_700_000_000)
  }

  private static func content(_ request: FetchRequest) -> String {
    guard case .post(let contentType, let content) = request.method else { return "no post" }
    #expect(contentType == "application/x-www-form-urlencoded")
    return String(decoding: content, as: UTF8.self)
  }

  @Test("The example of RFC 7662 §2.1, with the client of RFC 6749 §2.3.1")
  func example() throws {
    let request = try request(secret: "7Fjfp0ZBr1KtDRbnfVdmIw\n")
    #expect(Self.content(request) == "token=mF_9.B5f-4.1JqM&token_type_hint=access_token")
    #expect(request.url == "https://server.example.com/introspect")
    #expect(request.accept == "application/json")
    #expect(request.fields.map(\.name) == ["Authorization"])
    #expect(request.fields.map(\.value) == ["Basic czZCaGRSa3F0Mzo3RmpmcDBaQnIxS3REUmJuZlZkbUl3"])
    #expect(request.timeout == .seconds(5))
    #expect(request.bodyBytesMax == 65_536)
  }

  @Test("Id and secret are form-encoded before base64: a colon in them is no border, nor is any other character lost")
  func encodedCredentials() throws {
    let request = try request(secret: "p:w d+é%", clientID: "a:b")
    // base64 of a%3Ab:p%3Aw+d%2B%C3%A9%25
    #expect(request.fields.map(\.value) == ["Basic YSUzQWI6cCUzQXcrZCUyQiVDMyVBOSUyNQ=="])
  }

  @Test(
    "Tokens are form-encoded: none of their characters is another parameter",
    arguments: [
      ("a+b/c==", "a%2Bb%2Fc%3D%3D"), ("a~b", "a%7Eb"),
      ("a&token_type_hint=refresh_token", "a%26token_type_hint%3Drefresh_token"),
    ])
  func encodedToken(token: String, encoded: String) throws {
    let request = try request(secret: "s", about: token)
    #expect(Self.content(request) == "token=\(encoded)&token_type_hint=access_token")
  }

  @Test("The secret is the file's bytes without one line end", arguments: ["s3", "s3\n", "s3\r\n"])
  func lineEnd(secret: String) throws {
    #expect(try request(secret: secret, clientID: "c").fields.map(\.value) == ["Basic YzpzMw=="])
  }

  private func fault(_ authentication: ClientAuthentication) -> String? {
    do throws(IntrospectionFault) {
      try IntrospectionEndpoint.example(authentication).check()
      return nil
    } catch {
      return "\(error)"
    }
  }

  @Test("L-3, K-8: files that others could read, or that hold nothing, are refused, and what they hold is not said")
  func files() throws {
    let key = try SigningKey.generate(.ellipticCurve(.p256)).pem()
    let open = try folder.write("open", Array("hush".utf8), mode: 0o604)
    #expect(
      fault(.secretFile(open))
        == "\(open) has mode 604; nobody but its owner and group may use it: run chmod o= \(open)")
    #expect(fault(.secretFile(try folder.write("group", Array("hush".utf8), mode: 0o640))) == nil)
    let empty = try folder.write("empty", [0x0A])
    #expect(fault(.secretFile(empty)) == "\(empty) is empty")
    #expect(fault(.secretFile(folder.path + "/none"))?.contains("No such file") == true)
    let group = try folder.write("group.pem", key, mode: 0o640)
    #expect(
      fault(.privateKeyFile(group, keyID: nil, audience: nil))
        == "\(group) has mode 640; nobody but its owner may read it: run chmod go= \(group)")
    let secret = try folder.write("hush.pem", Array("hush".utf8))
    #expect(
      fault(.privateKeyFile(secret, keyID: nil, audience: nil))
        == "\(secret) contains no unencrypted RSA, EC or Ed25519 private key in PEM")
    #expect(fault(.privateKeyFile(try folder.write("good.pem", key), keyID: nil, audience: nil)) == nil)
  }

  // MARK: private_key_jwt

  static let kinds: [(SigningKey.Kind, SignatureAlgorithm)] = [
    (.rsa(bits: 2048), .rs256), (.ellipticCurve(.p256), .es256), (.ellipticCurve(.p384), .es384),
    (.ellipticCurve(.p521), .es512), (.ed25519, .eddsa),
  ]

  private func assertion(_ key: SigningKey, keyID: String? = nil, audience: String? = nil) throws -> [String: String] {
    let path = try folder.write("key.pem", try key.pem())
    let request = try IntrospectionRequest(.example(.privateKeyFile(path, keyID: keyID, audience: audience)))
      .make(about: Array("opaque".utf8), now: 1_700_000_000)
    #expect(request.fields.isEmpty)
    var pairs: [String: String] = [:]
    for pair in Self.content(request).split(separator: "&") {
      let parts = pair.split(separator: "=", maxSplits: 1).map(String.init)
      pairs[parts[0]] = parts[1]
    }
    return pairs
  }

  @Test("RFC 7523: an assertion that the public key verifies, for one minute and this endpoint", arguments: kinds)
  func assertion(kind: SigningKey.Kind, algorithm: SignatureAlgorithm) throws {
    let key = try SigningKey.generate(kind)
    let pairs = try assertion(key)
    #expect(
      Set(pairs.keys) == ["token", "token_type_hint", "client_id", "client_assertion_type", "client_assertion"])
    #expect(pairs["token"] == "opaque")
    #expect(pairs["client_id"] == "s6BhdRkqt3")
    #expect(pairs["client_assertion_type"] == "urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer")
    let token = Array(try #require(pairs["client_assertion"]).utf8)
    let issuerKey = try IssuerKey(key, algorithm: algorithm)
    // Verified as a token of the client's own.
    let verifier = TokenVerifier(
      TokenPolicy(
        provider: "client", issuer: "s6BhdRkqt3", audiences: .oneOf(["https://server.example.com/introspect"]),
        algorithms: [algorithm], leewaySeconds: 0))
    let keys = KeySet([issuerKey])
    for now: UnixSeconds in [1_700_000_000, 1_700_000_059] {
      let verified = try verifier.verify(token.span, keys: keys, now: now, using: SignatureVerifier())
      #expect(verified.subject == "s6BhdRkqt3")
      #expect(verified.keyID == issuerKey.keyID)
    }
    #expect(throws: TokenError.self) {
      try verifier.verify(token.span, keys: keys, now: 1_700_000_060, using: SignatureVerifier())
    }
    let decoded = try DecodedToken(token.span)
    #expect(decoded.header["typ"] == .string("JWT"))
    #expect(decoded.claims["jti"]?.string?.utf8.count == 22)
  }

  @Test("Key id and audience as configured; each assertion has an identifier of its own")
  func configured() throws {
    let key = try SigningKey.generate(.ellipticCurve(.p256))
    var identifiers: Set<String> = []
    for _ in 0..<3 {
      let pairs = try assertion(key, keyID: "gateway-1", audience: "https://server.example.com/")
      let token = try DecodedToken(Array(try #require(pairs["client_assertion"]).utf8).span)
      #expect(token.header["kid"] == .string("gateway-1"))
      #expect(token.claims["aud"] == .string("https://server.example.com/"))
      identifiers.insert(try #require(token.claims["jti"]?.string))
    }
    #expect(identifiers.count == 3)
  }
}
