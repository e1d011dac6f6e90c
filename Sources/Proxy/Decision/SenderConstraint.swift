import Configuration
import Crypto
import HTTP
import Reason
import Tokens

/// The step after token verification: whether its sender may use it (RFC 9449 §7, RFC 8705 §3).
///
/// It concerns the request, not the token, and is taken each time, also if the token is cached.
struct SenderConstraint {
  let confirmation: TokenConfirmation
  let credential: Credential
  /// That of the token's provider.
  let use: DPoPUse

  /// Whether any sender may use the token: it is bound to nothing, and nothing says that it should be.
  var isNone: Bool {
    guard case .unbound = confirmation, use != .required else { return false }
    if case .authorization(_, .dpop) = credential { return false }
    return true
  }

  /// Why the sender is refused; nil if it is not.
  ///
  /// - Parameters:
  ///   - token: The token's bytes.
  ///   - leewaySeconds: That of the provider.
  func refusal(
    _ head: borrowing RequestHead, _ bytes: Span<UInt8>, token: Span<UInt8>, leewaySeconds: Int64,
    in context: DecisionContext
  ) -> Reason? {
    // A certificate shown by a trusted proxy is its own.
    let certificate = context.client.said == nil ? context.client.secured?.thumbprint : nil
    guard confirmation.allows(certificate: certificate) else {
      return .certificateMismatch
    }
    switch confirmation {
    case .unsupported: return .confirmationUnsupported
    case .unbound, .certificate:
      // RFC 9449 §7.1: the scheme says that there is a key to prove possession of.
      if case .authorization(_, .dpop) = credential { return .proofInvalid }
      return use == .required ? .proofMissing : nil
    case .key where use == .off: return .confirmationUnsupported
    case .key(let thumbprint):
      // RFC 9449 §7.2: it is invalid as a bearer token, whatever is sent with it.
      if case .authorization(_, .bearer) = credential { return .proofMissing }
      return refusal(
        head, bytes, token: token, boundTo: thumbprint, leewaySeconds: leewaySeconds, in: context)
    }
  }

  private func refusal(
    _ head: borrowing RequestHead, _ bytes: Span<UInt8>, token: Span<UInt8>, boundTo thumbprint: [UInt8],
    leewaySeconds: Int64, in context: DecisionContext
  ) -> Reason? {
    let line = head.dpopLine < 0 ? ByteRange.empty : head.fields[head.dpopLine].value
    // RFC 9449 §4.3: the URI that the client sees. Its host is the one that the route is for: what X-Forwarded-Host or
    // Forwarded say may be the client's own words, where a proxy in front leaves them as they came.
    let request = DPoPRequest(
      method: [UInt8](bytes, head.method), scheme: context.client.scheme == .https ? .https : .http,
      host: [UInt8](bytes, head.host), port: head.port, path: context.path)
    let now = context.unixSeconds
    let proof: DPoPProof
    do throws(DPoPProofError) {
      proof = try DPoPProof(
        verifying: bytes.extracting(line.lowerBound..<line.upperBound), fieldLines: head.dpopCount, for: request,
        token: token, boundTo: thumbprint, now: now, leewaySeconds: leewaySeconds, using: context.signatures)
    } catch {
      if case .crypto(let error) = error { context.failed("\(error)") }
      return error.reason
    }
    do throws(CryptoError) {
      switch try context.replays.record(proof, key: thumbprint, now: now) {
      case .first: return nil
      case .replayed: return .proofReplayed
      case .full: return .proofMemoryFull
      }
    } catch {
      context.failed("\(error)")
      return .internalError
    }
  }
}
