import Testing

@testable import Fetch

@Suite("How long an answer stays fresh")
struct FreshnessTests {
  struct Row: Sendable, CustomTestStringConvertible {
    let cacheControl: [String]
    var age: [String] = []
    let freshness: Freshness
    var testDescription: String { "\(cacheControl) \(age)" }
  }

  private static func fresh(_ seconds: Int64, _ cacheControl: String..., age: [String] = []) -> Row {
    Row(cacheControl: cacheControl, age: age, freshness: .fresh(.seconds(seconds)))
  }

  static let rows = [
    Row(cacheControl: [], freshness: .unsaid), Row(cacheControl: [""], freshness: .unsaid),
    Row(cacheControl: ["public, must-revalidate"], freshness: .unsaid),
    Row(cacheControl: [], age: ["70"], freshness: .unsaid),
    fresh(300, "max-age=300"), fresh(300, "public, MAX-AGE=300 ,must-revalidate"), fresh(0, "max-age=0"),
    fresh(300, "max-age=\"300\""), fresh(300, ",,\tmax-age=300,"), fresh(300, "public", "max-age=300"),
    // RFC 9111 §4.2.1: of two that differ the shorter one, and what cannot be read is stale.
    fresh(20, "max-age=300, max-age=20"), fresh(20, "max-age=20", "max-age=300"), fresh(0, "max-age"),
    fresh(0, "max-age="), fresh(0, "max-age=-1"), fresh(0, "max-age=+5"), fresh(0, "max-age=1e3"),
    fresh(0, "max-age=300;x"), fresh(300, "max-age = 300"), fresh(0, "max-age=٣٠٠"), fresh(0, "max-age=300, max-age=x"),
    // §1.2.2
    fresh(1 << 31, "max-age=2147483648"), fresh(1 << 31, "max-age=99999999999999999999999"),
    // §4.2.3
    fresh(200, "max-age=300", age: ["100"]), fresh(0, "max-age=300", age: ["300"]),
    fresh(0, "max-age=300", age: ["99999999999999999999"]), fresh(300, "max-age=300", age: ["-5"]),
    fresh(300, "max-age=300", age: ["x"]), fresh(200, "max-age=300", age: ["10", " 100 "]),
    // For others than us.
    Row(cacheControl: ["s-maxage=5"], freshness: .unsaid), fresh(300, "s-maxage=5, max-age=300"),
    Row(cacheControl: ["x=\"max-age=5\""], freshness: .unsaid),
    Row(cacheControl: ["x=\"a, max-age=5\""], freshness: .unsaid),
    Row(cacheControl: [#"x="a\", max-age=5, ""#], freshness: .unsaid), fresh(5, #"x="a\\", max-age=5"#),
    Row(cacheControl: ["no-store"], freshness: .notToBeKept), Row(cacheControl: ["No-Cache"], freshness: .notToBeKept),
    Row(cacheControl: ["max-age=300, no-cache, no-store, must-revalidate"], freshness: .notToBeKept),
    Row(cacheControl: ["max-age=300", "no-store"], freshness: .notToBeKept),
    fresh(300, "no-cache=\"set-cookie\", max-age=300"), fresh(300, "no-storex, max-age=300"),
  ]

  @Test("RFC 9111 §4.2, §5.2.2", arguments: rows)
  func freshness(row: Row) {
    var fields = FreshnessFields()
    for line in row.cacheControl { fields.add(cacheControl: line) }
    for line in row.age { fields.add(age: line) }
    #expect(fields.freshness == row.freshness)
  }
}
