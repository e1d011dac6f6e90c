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
    case client, issuer, policy, upstream, gateway
    /// The client's, or the rules', of somebody who has shown nothing that was found to be genuine: anybody can make
    /// as many as they like.
    case unknownClient = "unknown_client"

    /// - Parameter isVerified: Whether it is known who sent it.
    init(_ reason: Reason, isVerified: Bool) {
      let isKnown = isVerified || Kind.isOfGenuineToken(reason)
      self =
        switch reason.blame {
        case .client: isKnown ? .client : .unknownClient
        case .issuer: .issuer
        case .policy: isKnown ? .policy : .unknownClient
        case .upstream: .upstream
        case .gateway: .gateway
        }
    }

    /// Whether only a token is refused for it that the issuer has made: its signature held.
    private static func isOfGenuineToken(_ reason: Reason) -> Bool {
      switch reason {
      case .tokenExpired, .tokenNotYetValid, .tokenIssuedInFuture, .tokenTooOld, .tokenRevoked, .audienceMismatch,
        .proofMissing, .proofInvalid, .proofReplayed, .certificateMismatch:
        true
      default: false
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
