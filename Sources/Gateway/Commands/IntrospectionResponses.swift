import Configuration
import Crypto
import Fetch
import Introspection
import Synchronization
import Tokens

/// What a provider's introspection endpoint says now of a token that nobody has issued, and of one that is asked about.
struct IntrospectionResponses: Sendable {
  /// nil: it could not be asked.
  private(set) var ofMadeUp: SingleIntrospection?
  /// nil: nobody asks about one, or there was no use in it.
  private(set) var ofToken: SingleIntrospection?
  /// Whether anybody asks about one.
  let hasToken: Bool

  /// Asks, and waits.
  ///
  /// - Parameter token: nil: there is none that the endpoint would be asked about.
  init(_ endpoint: IntrospectionEndpoint, token: [UInt8]?) throws {
    let madeUp = Array(Base64URL.text(try RandomBytes.make(32)).utf8)
    let responses = Mutex(IntrospectionResponses(hasToken: token != nil))
    try CurrentKeys.onLoop { loop, done in
      do throws(FetchError) {
        let fetcher = try Fetcher(loop: loop)
        endpoint.ask(madeUp, by: fetcher) { first in
          responses.withLock { $0.ofMadeUp = first }
          // Of one who cannot be asked nothing more is to be had.
          guard let token, case .success = first.result else { return done() }
          endpoint.ask(token, by: fetcher) { second in
            responses.withLock { $0.ofToken = second }
            done()
          }
        }
      } catch {
        done()
      }
    }
    self = responses.withLock { $0 }
  }

  private init(hasToken: Bool) { self.hasToken = hasToken }
}
