internal import Tokens

/// Where a key set is fetched: equal ones are fetched once, whoever uses them.
struct KeyPlace: Hashable {
  enum Kind: Hashable { case jwksURL, discovery }

  let kind: Kind
  /// Of the key set, or the issuer that is asked where it is.
  let location: String
  let certificateAuthorityFile: String?

  /// nil for keys of this machine.
  init?(_ source: KeySource) {
    switch source.location {
    case .jwksURL(let url): (kind, location) = (.jwksURL, url)
    case .discovery: (kind, location) = (.discovery, source.issuer)
    case .none, .jwksFile, .secretFile, .signing, .signingSecret: return nil
    }
    certificateAuthorityFile = source.certificateAuthorityFile
  }

  /// What is fetched first.
  var address: String { kind == .jwksURL ? location : DiscoveryDocument.address(of: location) }

  /// Byte for byte: Swift's `==` of strings would take an issuer for another that only looks like it.
  static func == (left: KeyPlace, right: KeyPlace) -> Bool {
    left.kind == right.kind && left.location.isSameBytes(as: right.location)
      && left.certificateAuthorityFile == right.certificateAuthorityFile
  }

  func hash(into hasher: inout Hasher) {
    hasher.combine(kind)
    hasher.combine(Array(location.utf8))
  }
}
