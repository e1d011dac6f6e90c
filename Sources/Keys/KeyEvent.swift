public import HTTP
public import Tokens

/// What operators want to be told.
public enum KeyEvent: Sendable {
  /// New keys are in use, and what is other than with those that were in use before.
  case updated(provider: String, keys: Int, KeySetChange)
  /// A key of the set is left out, and why. Once for each change of the set.
  case keyUnused(provider: String, KeySet.Problem)
  /// As many more are left out, of which `keyUnused` does not tell.
  case moreKeysUnused(provider: String, count: Int)
  /// A fetch failed. Told of the first in a row, of those that fail in another way, and of the others ever more seldom.
  case fetchFailed(KeyFetchFailure)
  /// A fetch went well after `failures` that did not, the first of them `duration` ago.
  case fetchedAgain(provider: String, failures: Int, after: Duration)
  /// The issuer's clock is `ahead` seconds ahead of this one, or behind where it is negative: tokens may be refused as
  /// not yet valid, or as expired. nil: not any more. Told when it begins, and when it ends.
  case clocksDiffer(provider: String, ahead: Int64?)
  /// Older keys were used for `staleFor`, and are no longer.
  case expired(provider: String)
  /// The keys of the copy at `path`, fetched `age` ago, are used until others are fetched.
  case copyUsed(provider: String, path: String, keys: Int, age: Duration)
  /// There is a copy at `path` that is not used, and why.
  case copyRefused(provider: String, path: String, KeyCopyFault)
  /// No copy could be written. Told of the first in a row.
  case copyNotWritten(provider: String, path: String, KeyCopyWriteFault)
  /// A key of the gateway's own was made.
  case generated(provider: String, path: String)
  /// The next key of the gateway's own was made; it signs from `signsFrom` on.
  case generatedAhead(provider: String, path: String, signsFrom: UnixSeconds)
  /// Another key of the gateway's own signs from now on.
  case signsWithAnother(provider: String, keyID: String)
  /// A key of the gateway's own was deleted: no token of it can be good any more.
  case deleted(provider: String, path: String)
  /// The folder of the gateway's own keys cannot be used, and the keys that were read before stay in use. Told of the
  /// first of equal ones in a row.
  case folderUnusable(provider: String, KeyFault)
}

/// A fetch that failed, and what it means for the provider's requests.
public struct KeyFetchFailure: Sendable {
  /// Keys that stay in use all the same.
  public struct KeysInUse: Sendable {
    /// Since they were last fetched.
    public let age: Duration
    /// How long they will still be used where no fetch goes well.
    public let remaining: Duration
  }

  /// The provider's name in the configuration.
  public let provider: String
  /// Why it failed.
  public let fault: KeyFault
  /// The address that was fetched.
  public let url: ShownURL
  /// How many have failed in a row, with this one.
  public let failures: Int
  /// nil: there are none, and the provider's routes answer 503.
  public let keysInUse: KeysInUse?
}
