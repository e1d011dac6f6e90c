extension Duration {
  /// In its two largest units, cut to seconds: `42s`, `7m`, `3h5m`, `1d`.
  var forPeople: String {
    var rest = max(components.seconds, 0)
    var parts: [String] = []
    for (unit, seconds) in [("d", Int64(86_400)), ("h", 3600), ("m", 60), ("s", 1)] {
      let count = rest / seconds
      rest %= seconds
      if count > 0 { parts.append("\(count)\(unit)") } else if !parts.isEmpty { break }
      if parts.count == 2 { break }
    }
    return parts.isEmpty ? "0s" : parts.joined()
  }
}
