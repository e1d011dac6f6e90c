public import Configuration
import Crypto
import HTTP
import Sockets
public import State
import Synchronization
public import Tokens

/// What a provider's sign-in keeps over reloads. May be used from any thread; its locks are held for a look, and but
/// for one never across work.
public final class SignInState: Sendable {
  /// Where its sign-ins are kept.
  public let store: any SignInStore
  let queue = SerialQueue(name: "sign-in")
  let requests = SharesUnderWay<IPAddress>(most: Limits.requestsMax, share: Limits.addressRequestsMax)
  let throttle = Mutex(LoginThrottle())
  /// Of machines: a wrong secret of one of them is no reason to keep people of its address from signing in.
  let clientThrottle = Mutex(LoginThrottle())
  /// Secrets of machines that are being checked, by the client's id.
  let clientSecrets = SharesUnderWay<String>(most: Limits.requestsMax, share: Limits.clientSecretsMax)
  let attempts: Mutex<AttemptReports>
  /// What is answered with `internal_error`.
  let failures = Mutex(FaultReport(pause: Limits.saidEvery))
  /// Counts failures of `store`.
  public let storeFaults = StoreFaults()
  let watcher = UsersWatcher()
  /// Held for a look at the users file, from its status to what is in force: of two, the later one counts.
  let looking = Mutex(())
  /// What passwords are compared with where there are no users; nil: libxcrypt failed.
  let unmatched: PasswordHash?
  private let usersInForce: Mutex<UsersFile>
  private let keysInForce: Mutex<[IssuerKey]>
  private let revocationsInForce = Mutex<[Revocations]>([])

  /// The state of a provider that was not configured before. Hashes a password, which takes tens of milliseconds.
  ///
  /// - Parameter keys: The provider's, of which the first one signs.
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
    attempts = Mutex(AttemptReports(pause: saidEvery))
    usersInForce = Mutex(users)
    keysInForce = Mutex(keys)
  }

  /// Who may sign in.
  public var users: UsersFile {
    get { usersInForce.withLock { $0 } }
    set { usersInForce.withLock { $0 = newValue } }
  }

  /// Why the users file cannot be used as it is now, so that those read before stay in force; nil: it can.
  public var usersFault: String? { watcher.fault }

  /// Takes the users of a configuration. If its file is already watched, those in force stay: they may have been read
  /// later, and a user who was disabled since would be back. Blocks while the file is being read.
  public func take(_ users: UsersFile) {
    looking.withLock { _ in
      if !self.users.path.isSameBytes(as: users.path) { self.users = users }
    }
  }

  /// The provider's keys, of which the first one signs.
  public var keys: [IssuerKey] {
    get { keysInForce.withLock { $0 } }
    set { keysInForce.withLock { $0 = newValue } }
  }

  /// Tokens that are refused although they verify.
  public var revocations: [Revocations] {
    get { revocationsInForce.withLock { $0 } }
    set { revocationsInForce.withLock { $0 = newValue } }
  }
}
