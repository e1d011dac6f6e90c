import Testing

@testable import Gateway

@Suite("Durations and moments as people write and read them")
struct TimeTextTests {
  @Test(
    "A duration is its two largest units, cut to seconds",
    arguments: [
      (.zero, "0s"), (.milliseconds(999), "0s"), (.seconds(1), "1s"), (.milliseconds(59_999), "59s"),
      (.seconds(60), "1m"), (.seconds(61), "1m1s"), (.seconds(3599), "59m59s"), (.seconds(3600), "1h"),
      (.seconds(3601), "1h"), (.seconds(3660), "1h1m"), (.seconds(86_399), "23h59m"), (.seconds(86_400), "1d"),
      (.seconds(86_460), "1d"), (.seconds(90_000), "1d1h"), (.seconds(-5), "0s"),
      (.seconds(Int64.max), "106751991167300d15h"),
    ] as [(Duration, String)])
  func duration(duration: Duration, text: String) { #expect(duration.forPeople == text) }

  @Test(
    "A moment is written and read alike",
    arguments: [
      (0, "1970-01-01T00:00:00Z"), (86_399, "1970-01-01T23:59:59Z"), (951_782_400, "2000-02-29T00:00:00Z"),
      (1_709_164_800, "2024-02-29T00:00:00Z"), (1_769_849_377, "2026-01-31T08:49:37Z"),
      (4_107_542_400, "2100-03-01T00:00:00Z"), (253_402_300_799, "9999-12-31T23:59:59Z"),
    ] as [(Int64, String)])
  func moment(seconds: Int64, text: String) {
    #expect(TimeText.text(seconds) == text)
    #expect(TimeText.parse(text) == seconds)
    #expect(MomentArgument(argument: text)?.time == seconds)
  }

  @Test(
    "Outside the years 1970 to 9999 a moment is its seconds",
    arguments: [(-1, "-1"), (253_402_300_800, "253402300800")] as [(Int64, String)])
  func outside(seconds: Int64, text: String) {
    #expect(TimeText.text(seconds) == text)
    #expect(TimeText.parse(text) == seconds)
  }

  @Test(
    "What is no moment",
    arguments: [
      "", " ", "now", "2026-01-31", "2026-01-31T08:49:37", "2026-01-31t08:49:37Z", "2026-01-31T08:49:37z",
      "2026-01-31 08:49:37Z", "2026-01-31T08:49:37+00", "2026-01-31T08:49:37.5Z", "2026-1-31T08:49:37ZZ",
      // Days and times that no calendar has.
      "2026-02-29T00:00:00Z", "2100-02-29T00:00:00Z", "2026-04-31T00:00:00Z", "2026-00-10T00:00:00Z",
      "2026-13-10T00:00:00Z", "2026-01-00T00:00:00Z", "2026-01-32T00:00:00Z", "2026-01-31T24:00:00Z",
      "2026-01-31T08:60:00Z", "2026-01-31T08:49:60Z", "1969-12-31T23:59:59Z", "-026-01-31T08:49:37Z",
      "2026-01-31T08:49:3 Z", "٢٠٢٦-01-31T0Z",
      // Seconds that nobody counts.
      "1e9", "1.5", "0x10", "1099511627777", "-1099511627777", "99999999999999999999",
    ])
  func noMoment(text: String) {
    #expect(TimeText.parse(text) == nil)
    #expect(MomentArgument(argument: text) == nil)
  }

  @Test(
    "--since: so long ago, a time of a log line, or a moment",
    arguments: [
      ("0", "2026-01-31T08:49:37.250000Z"), ("250ms", "2026-01-31T08:49:37.000000Z"),
      ("1h", "2026-01-31T07:49:37.250000Z"), ("10m ago", "2026-01-31T08:39:37.250000Z"),
      ("2d", "2026-01-29T08:49:37.250000Z"),
      // Before there were clocks.
      ("100000d", "1970-01-01T00:00:00.000000Z"), ("9223372036854775807ms", "1970-01-01T00:00:00.000000Z"),
      ("2026-01-30T12:00:00.123456Z", "2026-01-30T12:00:00.123456Z"),
      ("2026-01-30T12:00:00Z", "2026-01-30T12:00:00.000000Z"), ("1769774400", "2026-01-30T12:00:00.000000Z"),
      ("7258118400", "2200-01-01T00:00:00.000000Z"),
    ])
  func since(argument: String, text: String) {
    #expect(LogMoment(argument, now: 1_769_849_377_250_000_000)?.text == text)
  }

  @Test(
    "--since: what is none of these",
    arguments: [
      "", "1 h", "1h30m", " ago", "ago", "1hago", "yesterday ago", "1h ago ago", "-1h", "h", "1w", "-1", "7258118401",
      "yesterday", "2026-01-30", "2026-01-30T12:00:00",
      "9223372036854775807d",
    ])
  func noSince(argument: String) { #expect(LogMoment(argument, now: 1_769_849_377_250_000_000) == nil) }
}
