import ArgumentParser
import Configuration
import Sockets
import Telemetry

/// A moment as `portcullis logs` is given it: so long ago, or a time, also one that a log line says.
struct LogMoment: ExpressibleByArgument {
  /// As log lines write it.
  let text: String

  init?(argument: String) { self.init(argument, now: WallClock.nanoseconds) }

  /// - Parameter now: Nanoseconds since 1970.
  init?(_ argument: String, now: Int64) {
    if let ago = DurationText.parse(argument.hasSuffix(" ago") ? String(argument.dropLast(4)) : argument) {
      text = Timestamp.text(max(now - ago.wholeNanoseconds, 0))
      return
    }
    if LogLine.isTime(argument) {
      text = argument
      return
    }
    // Seconds since 1970 have ten digits: fewer are a duration without its unit.
    if argument.utf8.count < 9, Int(argument) != nil { return nil }
    // What lies outside these years is no time of a log.
    guard let seconds = TimeText.parse(argument), (0...LogMoment.secondsMax).contains(seconds) else { return nil }
    text = Timestamp.text(seconds * 1_000_000_000)
  }

  /// The year 2200: what nanoseconds in 64 bits can say.
  private static let secondsMax: Int64 = 7_258_118_400
}
