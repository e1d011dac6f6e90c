public import Access
import HTTP
import Reason
import Sockets

/// A refusal that is remembered.
public struct RememberedRefusal: Sendable {
  /// Its access line as JSON, with the line feed at its end.
  public let line: [UInt8]
  /// What the route's rule was asked about; nil: no rule was consulted.
  public let decided: DecidedRequest?

  /// A refusal with its access line.
  public init(line: [UInt8], decided: DecidedRequest? = nil) {
    self.line = line
    self.decided = decided
  }
}

/// What one loop refused last, by kind. No kind takes the room of another, so that someone who scans a site does not
/// displace the refusals that an operator looks for. Used on that loop alone.
public struct RecentRefusals {
  /// Whose doing refusals are.
  public enum Kind: String, CaseIterable, Sendable {
    case client, issuer, policy, upstream, gateway
    /// The client's, or the rules', of somebody who has shown nothing that was found to be genuine: anybody can make
    /// as many as they like.
    case unknownClient = "unknown_client"

    /// - Parameter isVerified: Whether it is known who sent it, or whose genuine credential was refused.
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

  /// The refusals of one kind.
  public struct Part: Sendable {
    /// Whose doing they are.
    public let kind: Kind
    /// The refusals, the latest first.
    public let latestFirst: [RememberedRefusal]
    /// Whether older ones may have been forgotten.
    public let isFull: Bool

    /// The refusals of `kind` that are remembered.
    public init(_ kind: Kind, latestFirst: [RememberedRefusal], isFull: Bool = false) {
      self.kind = kind
      self.latestFirst = latestFirst
      self.isFull = isFull
    }
  }

  /// How many refusals of each kind are remembered.
  public static let countMax = 128

  private var rings = Kind.allCases.map(Ring.init)

  init() {}

  /// Takes the place of the oldest of its kind.
  mutating func keep(_ refusal: RememberedRefusal, of kind: Kind) {
    for index in rings.indices where rings[index].kind == kind { rings[index].keep(refusal) }
  }

  /// What is remembered now, one part for each kind.
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
