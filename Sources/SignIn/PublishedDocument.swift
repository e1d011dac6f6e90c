public import HTTP
import Synchronization

/// Serves a document that the gateway publishes, for GET and HEAD, to everyone: pages of any origin may read it (CORS), as
/// it contains nothing personal.
public final class PublishedDocument: Responder, Sendable {
  /// The media type of a document.
  public enum Kind: Sendable {
    /// `application/json`.
    case json
    /// `application/jwk-set+json` (RFC 7517 §8.5.1).
    case keySet

    fileprivate var fields: [(name: String, value: String)] {
      let mediaType = self == .keySet ? "application/jwk-set+json" : "application/json"
      return [
        (name: "Content-Type", value: mediaType), (name: "Cache-Control", value: "public, max-age=300"),
        (name: "Access-Control-Allow-Origin", value: "*"),
      ]
    }
  }

  private let kind: Kind
  private let document: Mutex<[UInt8]>

  /// Publishes a document.
  public init(_ document: [UInt8], _ kind: Kind) {
    self.kind = kind
    self.document = Mutex(document)
  }

  /// Publishes another document from now on. May be called from any thread.
  public func replace(with document: [UInt8]) { self.document.withLock { $0 = document } }

  /// Answers with the document, or with 405; calls `completion` before it returns.
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
