public import Access
import HTTP
import Reason
import Sockets

/// A refusal that is remembered.
public struct RememberedRefusal: Sendable {
  /// Its access line, as JSON.
  public let line: [UInt8]
  /// nil: no rule was asked.
  public let decided: DecidedRequest?

  public init(line: [UInt8], decided: DecidedRequest? = nil) {
    self.line = line
    self.decided = decided
  }
}

/// What one loop refused last, by kind: none of them takes the room of another, so that who scans a site does not make
/// an operator's refusals forgotten. Used on that loop alone.
public struct RecentRefusals {
  /// Whose doing they are.
  public enum Kind: String, CaseIterable, Sendable {
    /// The client's, which nothing but its address is known of.
    case unknownClient = "unknown_client"
    case client, issuer, policy, upstream, gateway

    init(_ reason: Reason, isKnown: Bool) {
      self =
        switch reason.blame {
        case .client: isKnown ? .client : .unknownClient
        case .issuer: .issuer
        case .policy: .policy
        case .upstream: .upstream
        case .gateway: .gateway
        }
    }
  }

  /// Those of one kind.
  public struct Part: Sendable {
    public let kind: Kind
    /// Those that came last first.
    public let latestFirst: [RememberedRefusal]
    /// Whether older ones may have been forgotten.
    public let isFull: Bool

    public init(_ kind: Kind, latestFirst: [RememberedRefusal], isFull: Bool = false) {
      self.kind = kind
      self.latestFirst = latestFirst
      self.isFull = isFull
    }
  }

  /// Of each kind.
  public static let countMax = 128

  private var rings = Kind.allCases.map(Ring.init)

  init() {}

  /// Takes the place of the oldest of its kind.
  mutating func keep(_ refusal: RememberedRefusal, of kind: Kind) {
    for index in rings.indices where rings[index].kind == kind { rings[index].keep(refusal) }
  }

  public var parts: [Part] { rings.map(\.part) }

  private struct Ring {
    let kind: Kind
    var refusals: [RememberedRefusal] = []
    /// Where the oldest stands, once it is full.
    var next = 0

    init(_ kind: Kind) { self.kind = kind }

    mutating func keep(_ refusal: RememberedRefusal) {
      if refusals.count < countMax {
        refusals.append(refusal)
      } else {
        refusals[next] = refusal
        next = (next + 1) % countMax
      }
    }

    var part: Part {
      Part(
        kind, latestFirst: (refusals[next...] + refusals[..<next]).reversed(), isFull: refusals.count == countMax)
    }
  }
}
