public import HTTP
internal import JSON
public import Sockets
public import Tokens

/// Why a copy of keys is not used.
public enum KeyCopyFault: Error, Sendable, Equatable {
  case file(SystemError)
  /// It belongs to another user.
  case foreign
  /// Others than its owner may read or write it.
  case open(mode: UInt32)
  /// It is no copy, or not as it was written: its SHA-256 differs.
  case damaged
  /// It was written in a form that this version does not know.
  case otherVersion
  case otherIssuer(String)
  /// It is of keys that were fetched elsewhere.
  case otherLocation(ShownURL)
  /// They were fetched with another `ca`, or with none.
  case otherAuthority
  /// It is as old as `stale_for`, or older.
  case tooOld(age: Duration)
  /// It was written later than now.
  case fromTheFuture
  case keySet(KeySetError)
}

extension KeyCopyFault: CustomStringConvertible {
  /// In words, for a log that names the copy.
  public var description: String {
    switch self {
    case .file(let error): "\(error)"
    case .foreign: "it belongs to another user"
    case .open(let mode): "it has mode \(String(mode, radix: 8)); nobody but its owner may use it"
    case .damaged: "it is damaged, or not a copy of keys"
    case .otherVersion: "another version of the program wrote it"
    case .otherIssuer(let issuer): "it is from the issuer \(JSONValue.quotedExcerpt(issuer))"
    case .otherLocation(let location): "it has keys from \(JSONValue.quotedExcerpt(location.description))"
    case .otherAuthority: "its keys were fetched with another ca, or with none"
    case .tooOld(let age): "it is \(age.components.seconds) s old, which refresh.stale_for does not allow"
    case .fromTheFuture: "it was written in the future; is the clock right?"
    case .keySet(let error): error.description
    }
  }
}
