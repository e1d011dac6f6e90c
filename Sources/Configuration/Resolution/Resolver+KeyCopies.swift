extension Resolver {
  /// A copy of keys is written over what is there: its file is nobody else's.
  mutating func checkCacheFile(_ named: Named<ProviderDraft>) {
    let provider = named.body
    let refresh = provider.value.refresh
    guard let file = refresh.value.cacheFile else { return }
    for name in ["jwks_file", "secret_file", "signing"] where provider.places.isWritten(name) {
      report(refresh.places.key("cache_file"), "\"cache_file\" beside \"\(name)\"; nothing is fetched from this issuer")
    }
    if refresh.places.areSound("stale_for"), refresh.value.staleFor == .zero {
      report(refresh.places.key("cache_file"), "\"cache_file\" is of no use where \"stale_for\" is 0s")
    }
    if case .folder = try? FileSystem.status(file.value).kind {
      report(file.position, "\(file.value) is a folder")
    }
    let path = Resolver.plain(file.value)
    for other in draft.providers {
      if other.name == named.name { break }
      if let taken = other.body.value.refresh.value.cacheFile, Resolver.plain(taken.value) == path {
        report(file.position, "the provider \"\(other.name)\" has the same \"cache_file\"; each needs its own")
        break
      }
    }
    if let what = otherUse(of: path) {
      report(file.position, "\(file.value) is \(what), and would be written over; name another \"cache_file\"")
    }
  }

  private func otherUse(of path: String) -> String? {
    if case .file(let log) = draft.log.value.access, Resolver.plain(log) == path { return "the access log" }
    for other in draft.providers {
      let values = other.body.value
      for (name, value) in [
        ("jwks_file", values.jwksFile), ("secret_file", values.secretFile), ("ca", values.certificateAuthority),
      ] where value.map({ Resolver.plain($0.value) == path }) ?? false {
        return "the \"\(name)\" of the provider \"\(other.name)\""
      }
    }
    return nil
  }

  /// Without the parts that lead nowhere, so that one file has one path; links are not followed.
  private static func plain(_ path: String) -> String {
    let parts = path.split(separator: "/").filter { $0 != "." }
    return (path.hasPrefix("/") ? "/" : "") + parts.joined(separator: "/")
  }
}
