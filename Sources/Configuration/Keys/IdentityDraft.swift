import Tokens

/// `identity` as written.
struct IdentityDraft: Sendable {
  enum Defaults: Sendable { case kept, leftOut }

  var defaults = Defaults.kept
  var headers: [(name: String, claim: ClaimPath)] = []
}

extension ValueKind where Value == IdentityDraft {
  static var identity: ValueKind {
    ValueKind(noun: "a mapping from headers to claims", reference: "mapping: header to claim") { node, decoding in
      guard let entries = node.entries(expected: "a mapping from headers to claims", &decoding) else { return nil }
      var draft = IdentityDraft()
      for entry in entries {
        if entry.key == "defaults" {
          let isKept = ValueKind<Bool>.boolean.decode(entry.value, &decoding)
          draft.defaults = isKept == false ? .leftOut : .kept
        } else if let claim = ValueKind<ClaimPath>.claimPath.decode(entry.value, &decoding) {
          if let fault = IdentityHeaderName.fault(entry.key, beside: draft.headers.map(\.name)) {
            decoding.report(entry.keyPosition, "\"\(entry.key)\" \(fault.predicate)")
          }
          draft.headers.append((entry.key, claim))
        }
      }
      return draft
    }
  }
}
