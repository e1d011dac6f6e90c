import CSystem
import Glibc

/// Owns an open descriptor, and closes it.
struct Descriptor: ~Copyable {
  let number: Int32

  /// Takes over what `call` returned.
  init(_ result: Int32, call: String) throws(SystemError) {
    guard result >= 0 else { throw .last(call) }
    number = result
  }

  deinit { close(number) }
}
