import Dispatch
import Synchronization
import TestSupport
import Testing

@testable import State

/// The folder of a store, which makes it.
final class StoreFolder: Sendable {
  private let parent: TemporaryFolder
  let path: String
  var file: String { path + "/local.sign-ins.db" }

  init() throws {
    parent = try TemporaryFolder()
    path = parent.path + "/state"
  }

  func open() throws -> SQLiteSignInStore { try SQLiteSignInStore(path: file) }

  func write(_ name: String, _ content: String) throws { try parent.write("state/\(name)", content) }
}

/// The result of what is called back.
func outcome<Value: Sendable>(
  _ body: (@escaping SQLiteSignInStore.Completion<Value>) -> Void
) throws -> Value {
  let ended = DispatchSemaphore(value: 0)
  let box = Box<Value>()
  body { found in
    box.result.withLock { $0 = found }
    ended.signal()
  }
  try #require(ended.wait(timeout: .now() + .seconds(60)) == .success)
  return try #require(box.result.withLock { $0 }).get()
}

func hash(_ token: UInt8, family: UInt8 = 0) -> RefreshTokenHash {
  RefreshTokenHash(
    family: [UInt8](repeating: family, count: 32), whole: [family] + [UInt8](repeating: token, count: 31))
}

func record(_ id: String, usedAt: Int64 = 100, of subject: String = "u1") -> SignInRecord {
  SignInRecord(
    id: id, provider: "local", subject: subject, methods: ["pwd", "otp"], authenticatedAt: 100, lastUsedAt: usedAt,
    expiresAt: 2000, tokensUntil: 700, clientAddress: "127.0.0.1", userAgent: "curl", passwordDigest: [1, 2])
}

extension RefreshOutcome {
  var name: String {
    switch self {
    case .rotated: "rotated"
    case .repeated: "repeated"
    case .reused: "reused"
    case .refused: "refused"
    case .abandoned: "abandoned"
    }
  }
}

extension SQLiteSignInStore {
  func signIn(_ id: String, token: UInt8, family: UInt8 = 0, of subject: String = "u1") throws {
    _ = try outcome { begin(record(id, of: subject), hash: hash(token, family: family), former: nil, completion: $0) }
  }

  /// A program uses its secret, whose tokens are good for 600 s; the id of the sign-in that they are of.
  func goOn(
    _ id: String, secret: UInt8, at now: Int64, of subject: String = "batch", provider: String = "local"
  ) throws -> String {
    let record = SignInRecord(
      id: id, provider: provider, subject: subject, methods: ["secret"], authenticatedAt: now, lastUsedAt: now,
      expiresAt: now + 600, tokensUntil: now + 600, clientAddress: "", userAgent: "", passwordDigest: [secret])
    let nobodys = RefreshTokenHash(family: Array(id.utf8), whole: Array(id.utf8))
    return try outcome { goOn(record, hash: nobodys, completion: $0) }
  }

  func use(
    _ token: UInt8, next: UInt8, at now: Int64, family: UInt8 = 0, provider: String = "local",
    tokenSeconds: Int64 = -5000, _ replacement: RefreshTerms.Replacement = .atOnce, within: Duration = .seconds(60)
  ) throws -> RefreshOutcome {
    try outcome {
      refresh(
        hash: hash(token, family: family), provider: provider, replacement: hash(next, family: family).whole, now: now,
        terms: RefreshTerms(graceSeconds: 10, idleSeconds: 1000, tokenSeconds: tokenSeconds, replacement: replacement),
        deadline: .now + within, completion: $0)
    }
  }

  func end(_ token: UInt8, at now: Int64, family: UInt8 = 0, provider: String = "local") throws -> EndedByToken? {
    try outcome {
      end(
        hash: hash(token, family: family), provider: provider, now: now,
        terms: RefreshTerms(graceSeconds: 10, idleSeconds: 1000, tokenSeconds: 600), completion: $0)
    }
  }

  func listed(at now: Int64) throws -> [SignInRecord] {
    try outcome { list(provider: "local", subject: nil, now: now, completion: $0) }
  }

  func newlyEnded() throws -> [EndedSignIn] { try outcome { newlyEnded(completion: $0) } }
}

private final class Box<Value: Sendable>: Sendable {
  let result = Mutex<Result<Value, StoreFault>?>(nil)
}
