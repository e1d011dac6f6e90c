import Crypto
import Testing

@testable import SignIn

@Suite("What an unknown name is compared with (SECURITY C-11)")
struct AnybodysHashTests {
  @Test("It is always the same hash for a name, whichever of all, and nothing fits it")
  func chosen() throws {
    var all: [PasswordHash] = []
    for cost in ["04", "05", "06"] {
      all.append(try PasswordHash(stored: "$2y$\(cost)$kjmTwAVR2nylTIOiqa3uxuFW1ESaKb6qi1LcxyWCqiTC85MwNIrj2"))
    }
    var found: Set<Int> = []
    for number in 0..<200 {
      var asked: [Int] = []
      for _ in 0..<3 {
        let hash = SignInService.anybodysHash(
          for: "name-\(number)", of: all.count,
          {
            asked.append($0)
            return all[$0]
          }, or: nil)
        #expect(hash?.digest == asked.last.map { all[$0].digest })
      }
      #expect(Set(asked).count == 1 && asked.count == 3)
      found.formUnion(asked)
    }
    #expect(found == [0, 1, 2])
  }

  @Test("With nobody in the file it is the one that nothing fits")
  func none() {
    #expect(SignInService.anybodysHash(for: "x", of: 0, { _ in preconditionFailure() }, or: nil) == nil)
  }
}
