import HTTP
import Sockets

/// What a request that a route forwards says of it in CDN-Loop (RFC 8586): when the request comes back with it, its way
/// goes in a circle, and each turn would take two more connections until none are left.
///
/// Not Via (RFC 9110 §7.6.3), for which some servers leave out compression. It names the route, too: a request may well
/// come by twice and go on elsewhere, as behind a cache. The name is random, and the process's own: nobody can have the
/// requests of others refused, and another process of the same gateway sees the circle a turn later.
struct LoopMark: Sendable {
  private static let process = UInt64.random(in: 0 ... .max)

  private let name: [UInt8]

  /// - Parameter route: The route's number.
  init(route: Int) {
    let digits = String(LoopMark.process, radix: 16)
    name = [UInt8]("portcullis-\(String(repeating: "0", count: 16 - digits.utf8.count))\(digits)-\(route)".utf8)
  }

  /// Goes beside those that came (RFC 9110 §5.3), with its CRLF.
  var fieldLine: [UInt8] { [UInt8]("CDN-Loop: ".utf8) + name + [UInt8]("\r\n".utf8) }

  /// Whether the request has it already.
  func isIn(_ head: borrowing RequestHead, _ bytes: Span<UInt8>) -> Bool {
    guard head.loopLine >= 0 else { return false }
    for index in head.loopLine..<head.fields.count where head.fields[index].known == .cdnLoop {
      var elements = ListElements(head.fields[index].value)
      while let element = elements.next(bytes) {
        if Bytes.areEqual(name.span, bytes.extracting(element.lowerBound..<element.upperBound)) { return true }
      }
    }
    return false
  }
}
