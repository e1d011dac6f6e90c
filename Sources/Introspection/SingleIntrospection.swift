public import Fetch
internal import Sockets
public import Tokens

/// What an endpoint answered once, for who sets a provider up or asks why its tokens are refused.
public struct SingleIntrospection: Sendable {
  /// Never `unavailable`: that is a fault here.
  public let result: Result<IntrospectionResult, IntrospectionFault>
  /// When the first of the server's certificates ends, in seconds since 1970; nil: it has none, or was not reached.
  public let certificateEnd: Int64?
}

extension IntrospectionEndpoint {
  /// Asks about a token as a gateway does, without a memory. Reads the client's credential from its file.
  ///
  /// - Parameters:
  ///   - fetcher: Held until the response is there.
  ///   - completion: Called once, at once or later.
  public func ask(_ token: [UInt8], by fetcher: Fetcher, _ completion: @escaping (SingleIntrospection) -> Void) {
    let now = WallClock.seconds
    var request: FetchRequest
    do throws(IntrospectionFault) {
      request = try IntrospectionRequest(self).make(about: token, now: now)
    } catch {
      return completion(SingleIntrospection(result: .failure(error), certificateEnd: nil))
    }
    request.readsCertificates = true
    fetcher.fetch(request) { response in
      withExtendedLifetime(fetcher) {}
      let end = (try? response.get())?.certificateEnd
      do throws(IntrospectionFault) {
        let said = try IntrospectionResponse(try IntrospectionFault.ofFetches(response))
        let result = self.result(of: said, about: token, now: now)
        completion(SingleIntrospection(result: .success(result), certificateEnd: end))
      } catch {
        completion(SingleIntrospection(result: .failure(error), certificateEnd: end))
      }
    }
  }

  /// What a response means here.
  func result(of said: IntrospectionResponse, about token: [UInt8], now: UnixSeconds) -> IntrospectionResult {
    switch said {
    case .inactive: return .inactive
    case .active(let claims):
      do throws(TokenError) {
        return .active(
          try IntrospectedToken(of: token, response: claims, policy, now: now, cacheSeconds: cacheSeconds))
      } catch {
        return .refused(error)
      }
    }
  }
}
