public import HTTP
import Synchronization

/// Answers with a document that the gateway publishes, to whoever reads it: GET and HEAD, and nothing else.
public final class PublishedDocument: Responder, Sendable {
  public enum Kind: Sendable {
    case json
    /// RFC 7517 §8.5.1.
    case keySet
    /// JSON that pages of anywhere may read: it holds nothing of anybody.
    case jsonForAllPages

    fileprivate var fields: [(name: String, value: String)] {
      let mediaType = self == .keySet ? "application/jwk-set+json" : "application/json"
      let fields = [(name: "Content-Type", value: mediaType), (name: "Cache-Control", value: "public, max-age=300")]
      return self == .jsonForAllPages ? fields + [(name: "Access-Control-Allow-Origin", value: "*")] : fields
    }
  }

  private let kind: Kind
  private let document: Mutex<[UInt8]>

  public init(_ document: [UInt8], _ kind: Kind) {
    self.kind = kind
    self.document = Mutex(document)
  }

  /// Publishes another one from now on.
  public func replace(with document: [UInt8]) { self.document.withLock { $0 = document } }

  public func respond(to request: LocalRequest, completion: @escaping @Sendable (LocalResponse) -> Void) {
    completion(PublishedDocument.answer(to: request, document.withLock { $0 }, kind))
  }

  static func answer(to request: LocalRequest, _ document: [UInt8], _ kind: Kind) -> LocalResponse {
    guard request.method == "GET" || request.method == "HEAD" else {
      return EndpointResponses.notAllowed(request, "GET, HEAD")
    }
    return LocalResponse(status: 200, fields: kind.fields, body: document)
  }
}
