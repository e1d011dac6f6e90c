import Foundation
import FuzzTargets
import Testing

/// The files in `Fuzz/seeds`: where fuzzing begins, and every input that was a finding once.
@Suite("Seeds of the fuzz targets")
struct FuzzSeedsTests {
  struct Seed: Sendable, CustomTestStringConvertible {
    let target: FuzzTarget
    let file: URL
    var testDescription: String { "\(target.rawValue)/\(file.lastPathComponent)" }

    /// - Throws: A violation too.
    func outcome() throws -> Outcome {
      let bytes = Array(try Data(contentsOf: file))
      return try target.check(bytes.span)
    }
  }

  static func seeds(_ target: FuzzTarget) -> [Seed] {
    let folder = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../Fuzz/seeds").standardized
    let files = try? FileManager.default.contentsOfDirectory(
      at: folder.appending(path: target.rawValue), includingPropertiesForKeys: nil)
    return (files ?? []).map { Seed(target: target, file: $0) }
  }

  @Test("D-5: every property holds for every seed", arguments: FuzzTarget.allCases.flatMap { seeds($0) })
  func properties(seed: Seed) throws {
    _ = try seed.outcome()
  }

  @Test("Each target has a seed that is accepted and one that is refused", arguments: FuzzTarget.allCases)
  func reach(target: FuzzTarget) throws {
    var outcomes: Set<Outcome> = []
    for seed in Self.seeds(target) { outcomes.insert(try seed.outcome()) }
    #expect(outcomes.contains(.accepted))
    #expect(outcomes.contains(.refused))
  }
}
