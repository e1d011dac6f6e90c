import Access
import Configuration
import Crypto
import Keys
import Reason
import Tokens

/// What an upstream is told about the sender of a request.
extension DecisionContext {
  /// The field lines that carry the identity, each with its CRLF; from the cache if the token is there.
  ///
  /// - Parameter cached: The index of the token in the cache; nil if it is not there.
  func identityFields(_ identity: Identity, cached: Int?, for route: ActiveRoute) throws(IdentityUntold) -> [UInt8] {
    let fields = try mappedFields(identity, cached: cached, for: route)
    guard let assertion = route.assertion else { return fields }
    return fields + (try field(of: assertion, about: identity, cached: cached))
  }

  private func mappedFields(
    _ identity: Identity, cached: Int?, for route: ActiveRoute
  ) throws(IdentityUntold) -> [UInt8] {
    do throws(IdentityHeaderError) {
      guard let cached else { return try route.configuration.identity.render(identity.claims) }
      if let rendered = tokens.rendered(at: cached, mapping: route.mapping) { return rendered }
      let fields = try route.configuration.identity.render(identity.claims)
      tokens.keep(fields, at: cached, mapping: route.mapping)
      return fields
    } catch {
      throw IdentityUntold(reason: error.reason)
    }
  }

  /// The field line with the assertion; empty for an anonymous sender.
  private func field(
    of active: ActiveAssertion, about identity: Identity, cached: Int?
  ) throws(IdentityUntold) -> [UInt8] {
    guard let claims = identity.claims else { return [] }
    let (now, signing) = (unixSeconds, keys.providers[active.provider])
    if let cached,
      let field = tokens.assertion(at: cached, route: active.route, keyGeneration: signing.generation, now: now)
    {
      return field
    }
    // Upstreams need not have the provider's leeway. During that of an expired token there is nothing else to go by.
    let ends = [identity.expiresAt, identity.deadline].compactMap(\.self).sorted()
    guard let key = signing.signer, let deadline = ends.first(where: { $0 > now }) else {
      failed("no assertion could be made: \(signing.signer == nil ? "no key" : "no end")")
      throw IdentityUntold(reason: .internalError)
    }
    let token: [UInt8]
    do {
      token = try active.assertion.token(
        about: claims, deadline: deadline, now: now, id: try RandomBytes.make(16), key: key)
    } catch {
      failed("no assertion could be made: \(error)")
      throw IdentityUntold(reason: .internalError)
    }
    let field = [UInt8](active.header.utf8) + ": ".utf8 + token + "\r\n".utf8
    if let cached {
      // Reused until half of its lifetime is over, so that each has some left on arrival.
      let expiry = active.assertion.expiry(now: now, deadline: deadline)
      tokens.keep(
        assertion: field, at: cached, route: active.route, keyGeneration: signing.generation,
        during: now..<max(now, expiry - (expiry - now) / 2))
    }
    return field
  }
}

/// Why the identity cannot be passed to an upstream.
struct IdentityUntold: Error {
  let reason: Reason
}
