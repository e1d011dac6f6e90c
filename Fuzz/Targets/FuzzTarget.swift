/// Module `FuzzTargets`: what has to hold for every input of a parser or a verifier, whatever the bytes.
/// May import: the modules under test.
/// Never does: I/O. `Fuzz/Driver` finds inputs for it, `Tests/FuzzSeedsTests` tries those that are kept.

/// A property that does not hold.
public struct Violation: Error, CustomStringConvertible {
  /// Which property, and of what.
  public let description: String

  init(_ description: String) { self.description = description }
}

/// What the code under test made of an input. Both are good.
public enum Outcome: Sendable {
  case accepted, refused
}

/// Something that reads bytes from outside. Named in full by its raw value: in folders, and for `.ci/fuzz`.
public enum FuzzTarget: String, CaseIterable, Sendable {
  case base64URL = "Base64URL"
  case canonicalPaths = "CanonicalPaths"
  case chunkedBodies = "ChunkedBodies"
  case claims = "Claims"
  case compactTokens = "CompactTokens"
  case configurationTexts = "ConfigurationTexts"
  case cookies = "Cookies"
  case dpopProofs = "DPoPProofs"
  case forwardedRequests = "ForwardedRequests"
  case introspectionResponses = "IntrospectionResponses"
  case jsonTexts = "JSONTexts"
  case keySets = "KeySets"
  case proxyHeaders = "ProxyHeaders"
  case requestHeads = "RequestHeads"
  case responseHeads = "ResponseHeads"
  case revocations = "Revocations"

  /// Gives the input to the code under test.
  ///
  /// - Throws: Where the response is wrong. A trap on the way is a finding too.
  public func check(_ input: Span<UInt8>) throws(Violation) -> Outcome {
    switch self {
    case .base64URL: try Base64URLTarget.check(input)
    case .canonicalPaths: try CanonicalPathsTarget.check(input)
    case .chunkedBodies: try ChunkedBodiesTarget.check(input)
    case .claims: try ClaimsTarget.check(input)
    case .compactTokens: try CompactTokensTarget.check(input)
    case .configurationTexts: try ConfigurationTextsTarget.check(input)
    case .cookies: try CookiesTarget.check(input)
    case .dpopProofs: try DPoPProofsTarget.check(input)
    case .forwardedRequests: try ForwardedRequestsTarget.check(input)
    case .introspectionResponses: try IntrospectionResponsesTarget.check(input)
    case .jsonTexts: try JSONTextsTarget.check(input)
    case .keySets: try KeySetsTarget.check(input)
    case .proxyHeaders: try ProxyHeadersTarget.check(input)
    case .requestHeads: try RequestHeadsTarget.check(input)
    case .responseHeads: try ResponseHeadsTarget.check(input)
    case .revocations: try RevocationsTarget.check(input)
    }
  }
}

/// Throws unless the property holds.
func require(_ holds: Bool, _ property: @autoclosure () -> String) throws(Violation) {
  if !holds { throw Violation(property()) }
}

extension [UInt8] {
  init(copying span: Span<UInt8>) {
    self = []
    reserveCapacity(span.count)
    for index in span.indices { append(span[index]) }
  }
}
