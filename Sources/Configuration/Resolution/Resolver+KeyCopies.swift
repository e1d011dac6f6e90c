extension Resolver {
  /// Keys that end before they are fetched again end with the first fetch that fails.
  mutating func checkStaleFor(_ refresh: Decoded<RefreshDraft>) {
    let (every, staleFor) = (refresh.value.every, refresh.value.staleFor)
    guard refresh.places.areSound("every", "stale_for"), staleFor != .zero, staleFor < every else { return }
    let place = refresh.places.isWritten("stale_for") ? "stale_for" : "every"
    report(
      refresh.places.value(place),
      """
      "stale_for" is shorter than "every", which is \(DurationText.write(every)): one fetch that fails would end the \
      keys; write a "stale_for" of at least that, or 0s
      """)
  }

  /// What is never fetched is not kept fresh.
  mutating func checkRefresh(_ provider: Decoded<ProviderDraft>) {
    let refresh = provider.value.refresh
    guard let name = ["jwks_file", "secret_file", "signing"].first(where: { provider.places.isWritten($0) }) else {
      return
    }
    for key in ["every", "stale_for"] where refresh.places.isWritten(key) {
      report(refresh.places.key(key), "\"\(key)\" together with \"\(name)\"; nothing is fetched from this issuer")
    }
  }

  /// A copy of keys is written over what is there: its file is nobody else's.
  mutating func checkCacheFile(_ named: Named<ProviderDraft>) {
    let provider = named.body
    let refresh = provider.value.refresh
    guard let file = refresh.value.cacheFile else { return }
    for name in ["jwks_file", "secret_file", "signing"] where provider.places.isWritten(name) {
      report(
        refresh.places.key("cache_file"),
        "\"cache_file\" together with \"\(name)\"; nothing is fetched from this issuer")
    }
    if refresh.places.areSound("stale_for"), refresh.value.staleFor == .zero {
      report(refresh.places.key("cache_file"), "\"cache_file\" has no use where \"stale_for\" is 0s")
    }
    if case .folder = try? FileSystem.status(file.value).kind {
      report(file.position, "\(file.value) is a folder")
    }
    for other in draft.providers {
      if other.name == named.name { break }
      if let taken = other.body.value.refresh.value.cacheFile, Resolver.isSame(taken.value, file.value) {
        report(file.position, "the provider \"\(other.name)\" has the same \"cache_file\"; each needs its own")
        break
      }
    }
    if let what = otherUse(of: file.value) {
      report(file.position, "\(file.value) is \(what), and would be overwritten; name another \"cache_file\"")
    }
  }

  private func otherUse(of path: String) -> String? {
    if Resolver.isSame(file, path) { return "this configuration" }
    if case .file(let log) = draft.log.value.access, Resolver.isSame(log, path) { return "the access log" }
    if let list = draft.revocations?.value.file, Resolver.isSame(list.value, path) {
      return "the \"file\" of \"revocations\""
    }
    for other in draft.providers {
      let values = other.body.value
      var files = [
        ("jwks_file", values.jwksFile), ("secret_file", values.secretFile), ("ca", values.certificateAuthority),
      ]
      for file in values.signing?.value.secretFiles ?? [] { files.append(("secret_file", file)) }
      for client in [values.introspection?.value.client, values.codeFlow?.value.client] {
        files += [("client_secret_file", client?.secretFile), ("private_key_file", client?.privateKeyFile)]
      }
      for (name, value) in files where value.map({ Resolver.isSame($0.value, path) }) ?? false {
        return "the \"\(name)\" of the provider \"\(other.name)\""
      }
      if let state = values.signing?.value.state, Resolver.isInside(path, state.value) {
        return "in the folder of the keys with which the provider \"\(other.name)\" signs"
      }
    }
    return nil
  }

  /// Whether two names are of one file: by their text, and where both are there, by what they lead to.
  private static func isSame(_ left: String, _ right: String) -> Bool {
    if plain(left) == plain(right) { return true }
    guard let one = try? FileSystem.status(left), let other = try? FileSystem.status(right) else { return false }
    return one.identity == other.identity
  }

  private static func isInside(_ path: String, _ folder: String) -> Bool {
    let (parts, outer) = (plain(path), plain(folder))
    if parts.starts(with: outer) { return true }
    let parent = path.lastIndex(of: "/").map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "."
    return isSame(parent, folder)
  }

  /// The parts of a path without those that lead nowhere or back, so that one file has one path; "/" is the first of an
  /// absolute one. Links are not followed.
  private static func plain(_ path: String) -> [Substring] {
    var parts: [Substring] = path.hasPrefix("/") ? ["/"] : []
    for part in path.split(separator: "/") where part != "." {
      if part != ".." || parts.isEmpty || parts.last == ".." {
        parts.append(part)
      } else if parts.last != "/" {
        parts.removeLast()
      }
    }
    return parts
  }
}
