import TestSupport
import Testing

@testable import Configuration

@Suite("D-5: no text ends the process")
struct MutationTests {
  @Test("A mutated file is decoded or refused with places inside the file", arguments: 1...20)
  func mutations(_ seed: Int) {
    var generator = SeededGenerator(seed: UInt64(seed))
    let original = Array(
      (Sample().text + "timeouts: { head: 5s }\nlog: { access: \"${NAME}\", format: json }\n").utf8)
    let pieces = [
      "[", "]", "{", "}", ": ", "- ", "\n", "\t", "&a ", "*a", "!!x ", "<<", "\"", "'", "|", "${", "é", "\0",
    ]
    for _ in 0..<100 {
      var bytes = original
      for _ in 0..<Int.random(in: 1...4, using: &generator) {
        let place = Int.random(in: 0..<bytes.count, using: &generator)
        switch Int.random(in: 0...3, using: &generator) {
        case 0: bytes[place] = UInt8.random(in: 0...255, using: &generator)
        case 1: bytes.remove(at: place)
        case 2: bytes.insert(contentsOf: (pieces.randomElement(using: &generator) ?? "").utf8, at: place)
        default: bytes.removeSubrange(place..<min(bytes.count, place + 12))
        }
      }
      let result = GatewayConfiguration.parse(bytes, file: "f", environment: ["NAME": "x"], processorCount: 4)
      guard case .failure(let diagnostics) = result else { continue }
      let lines = bytes.count { $0 == UInt8(ascii: "\n") } + 1
      // libyaml also counts CR, NEL, LS and PS as line ends, hence a bound and no equality.
      #expect(diagnostics.list.allSatisfy { ($0.position?.line ?? 0) >= 1 && ($0.position?.line ?? 0) <= lines + 4 })
    }
  }
}
