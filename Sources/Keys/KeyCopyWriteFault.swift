public import Crypto
public import Sockets

/// Why a copy of keys cannot be written.
public enum KeyCopyWriteFault: Error, Sendable, Equatable {
  case file(SystemError)
  /// What has the name is no copy of keys, and is left as it is.
  case taken
  /// The hash that finds damage cannot be made.
  case crypto(CryptoError)
}

extension KeyCopyWriteFault: CustomStringConvertible {
  /// In words, for a log that names the copy.
  public var description: String {
    switch self {
    case .file(let error): "\(error)"
    case .crypto(let error): "\(error)"
    case .taken: "the existing file is not a copy of keys and stays as it is; name another cache_file, or remove it"
    }
  }
}
