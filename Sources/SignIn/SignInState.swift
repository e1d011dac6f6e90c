public import Configuration
import Crypto
import HTTP
import Sockets
public import State
import Synchronization
public import Tokens

/// What a provider's sign-in keeps over reloads. From anywhere; its locks are held for a look, and but for one never across work.
public final class SignInState: Sendable {
  public let store: any SignInStore
  let queue = SerialQueue(name: "sign-in")
  let requests = SharesUnderWay<IPAddress>(most: Limits.requestsMax, share: Limits.addressRequestsMax)
  let throttle = Mutex(LoginThrottle())
  /// Of machines: a wrong secret of one of them is no reason to keep people of its address from signing in.
  let clientThrottle = Mutex(LoginThrottle())
  /// Secrets of machines that are being checked, by the client's id.
  let clientSecrets = SharesUnderWay<String>(most: Limits.requestsMax, share: Limits.clientSecretsMax)
  let said: Mutex<FaultReport>
  /// What is answered with `internal_error`.
  let failures = Mutex(FaultReport(pause: Limits.saidEvery))
  public let storeFaults = StoreFaults()
  let watcher = UsersWatcher()
  /// Held for a look at the users file, from its status to what is in force: of two, the later one counts.
  let looking = Mutex(())
  /// What passwords are compared with where there are no users; nil: libxcrypt failed.
  let unmatched: PasswordHash?
  private let usersInForce: Mutex<UsersFile>
  private let keysInForce: Mutex<[IssuerKey]>
  private let revocationsInForce = Mutex<[Revocations]>([])

  /// - Parameter keys: The first of them signs.
  public convenience init(store: any SignInStore, users: UsersFile, keys: [IssuerKey]) {
    self.init(
      store: store, users: users, keys: keys, unmatched: try? PasswordHash.matchingNone(),
      saidEvery: Limits.saidEvery)
  }

  /// - Parameter saidEvery: How often operators hear of failures to sign in at most.
  init(
    store: any SignInStore, users: UsersFile, keys: [IssuerKey], unmatched: PasswordHash?, saidEvery: Duration
  ) {
    self.store = store
    self.unmatched = unmatched
    said = Mutex(FaultReport(pause: saidEvery))
    usersInForce = Mutex(users)
    keysInForce = Mutex(keys)
  }

  /// Who may sign in.
  public var users: UsersFile {
    get { usersInForce.withLock { $0 } }
    set { usersInForce.withLock { $0 = newValue } }
  }

  /// Takes the users of a configuration. Of a file that is looked at already what is in force stays: it may have been
  /// read later, and a user who is disabled since would be back. Blocks while the file is being read.
  public func take(_ users: UsersFile) {
    looking.withLock { _ in
      if !self.users.path.isSameBytes(as: users.path) { self.users = users }
    }
  }

  /// The provider's, the first of which signs.
  public var keys: [IssuerKey] {
    get { keysInForce.withLock { $0 } }
    set { keysInForce.withLock { $0 = newValue } }
  }

  /// What is refused although it verifies.
  public var revocations: [Revocations] {
    get { revocationsInForce.withLock { $0 } }
    set { revocationsInForce.withLock { $0 = newValue } }
  }
}
