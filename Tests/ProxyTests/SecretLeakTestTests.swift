import Access
import Configuration
import HTTP
import Reason
import Synchronization
import Telemetry
import Testing
import Tokens

@testable import Proxy

@Suite("A made-up secret is looked for before each start")
struct SecretLeakTestTests {
  @Test("L-2: it shows in no answer, no access line and no memory of refusals")
  func nothing() { #expect(SecretLeakTest.leak { _ in .init() } == nil) }

  @Test("L-2: where a message shows it, or a part of it, that is told", arguments: [0, 9, -15])
  func messages(cut: Int) {
    var said: [SecretLeakTest.Text] = []
    let found = SecretLeakTest.leak { _ in
      var program = SecretLeakTest.Program()
      program.refused = { token, _ in
        let shown = cut < 0 ? token.suffix(-cut) : token.dropFirst(cut).prefix(15)
        said = [.init(place: "here", "refused"), .init(place: "there", "refused: \(shown)")]
      }
      program.takeMessages = { said }
      return program
    }
    #expect(found == "there")
  }

  @Test("L-2: where what operators ask for shows it, that is told")
  func pages() {
    var token = ""
    let found = SecretLeakTest.leak { _ in
      var program = SecretLeakTest.Program()
      program.refused = { secret, _ in token = secret }
      program.pages = { traffic in
        #expect(traffic.refusals.contains { !$0.latestFirst.isEmpty })
        return [.init(place: "the page", token)]
      }
      return program
    }
    #expect(found == "the page")
  }

  @Test("Each kind of refused token is told of, and a good one is none")
  func reasons() {
    var seen: [String] = []
    _ = SecretLeakTest.leak { _ in
      var program = SecretLeakTest.Program()
      program.refused = { _, error in seen.append(error.reason.rawValue) }
      return program
    }
    #expect(seen == ["token_malformed", "signature_invalid", "audience_mismatch"])
  }

  @Test("L-2: it comes to what answers by itself in paths, queries, fields and bodies, and an answer with it is told")
  func responders() {
    let found = Mutex<[Set<String>]>([])
    for place in Echo.Place.allCases {
      let leak = SecretLeakTest.leak { setting in
        var program = SecretLeakTest.Program()
        program.responders = setting.configuration.providers.flatMap(\.pagePaths)
          .map { LocalRoute($0, responder: Echo(place)) }
        return program
      }
      found.withLock { $0.append([leak ?? "nowhere"]) }
    }
    #expect(found.withLock { $0 } == Echo.Place.allCases.map { _ in ["a response from the gateway itself"] })
  }

  /// Answers with what it was asked.
  private final class Echo: Responder, Sendable {
    enum Place: CaseIterable { case query, authorization, cookie, form, document }

    private let place: Place

    init(_ place: Place) { self.place = place }

    func respond(to request: LocalRequest, completion: @escaping @Sendable (LocalResponse) -> Void) {
      func field(_ name: String) -> [UInt8] { request.fields.first { $0.name.lowercased() == name }?.value ?? [] }
      let isDocument = field("content-type").starts(with: Array("application/json".utf8))
      let echoed: [UInt8] =
        switch place {
        case .query: [UInt8](request.query.utf8)
        case .authorization: field("authorization")
        case .cookie: field("cookie")
        case .form: isDocument ? [] : request.body
        case .document: isDocument ? request.body : []
        }
      completion(LocalResponse(status: 400, fields: [], body: echoed))
    }
  }
}
