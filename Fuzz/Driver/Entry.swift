import FuzzTargets
import Glibc

@_silgen_name("__lsan_disable") private func ignoreLeaks()
@_silgen_name("__lsan_enable") private func reportLeaks()

// libFuzzer brings the `main` of this program and calls these two.

/// The target that the environment names.
private enum Chosen {
  static let target: FuzzTarget = {
    let name = unsafe getenv("FUZZ_TARGET").map { unsafe String(cString: $0) }
    guard let target = name.flatMap({ FuzzTarget(rawValue: $0) }) else {
      print("Set FUZZ_TARGET to one of: \(FuzzTarget.allCases.map(\.rawValue).joined(separator: " "))")
      exit(2)
    }
    return target
  }()
}

/// Called once, before the first input.
@_cdecl("LLVMFuzzerInitialize")
public func initialize(_ argumentCount: UnsafeMutableRawPointer?, _ arguments: UnsafeMutableRawPointer?) -> CInt {
  // What lives as long as the program is no leak, but Swift may keep bits of its own in a pointer to it.
  ignoreLeaks()
  _ = testOneInput(nil, 0)
  reportLeaks()
  return 0
}

/// Called with each input; ends the process where a property does not hold.
///
/// - Returns: 0: libFuzzer knows no other value that keeps the input in its corpus.
@_cdecl("LLVMFuzzerTestOneInput")
public func testOneInput(_ bytes: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  do throws(Violation) {
    _ = try Chosen.target.check(unsafe UnsafeBufferPointer(start: bytes, count: count).span)
  } catch {
    fatalError("\(Chosen.target.rawValue): this does not hold: \(error)")
  }
  return 0
}
