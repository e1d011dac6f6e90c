import HTTP
import Sockets

/// The mark that a route adds to the CDN-Loop field (RFC 8586) of requests that it forwards. If a request comes back
/// with it, its path is a circle, and each turn would take two more connections until none are left.
///
/// Not Via (RFC 9110 §7.6.3), for which some servers disable compression. The mark includes the route, as a request may
/// legitimately pass twice and go on elsewhere, as behind a cache. The name is random and private to the process, so
/// that nobody can have the requests of others refused; another process of the same gateway detects the circle one turn
/// later.
struct LoopMark: Sendable {
  private static let process = UInt64.random(in: 0 ... .max)

  private let name: [UInt8]

  /// - Parameter route: The route's index.
  init(route: Int) {
    let digits = String(LoopMark.process, radix: 16)
    name = [UInt8]("portcullis-\(String(repeating: "0", count: 16 - digits.utf8.count))\(digits)-\(route)".utf8)
  }

  /// The field line to add to those received (RFC 9110 §5.3), with its CRLF.
  var fieldLine: [UInt8] { [UInt8]("CDN-Loop: ".utf8) + name + [UInt8]("\r\n".utf8) }

  /// Whether the request carries the mark already.
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
