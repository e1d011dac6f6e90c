extension Resolver {
  /// nil: there is none, or after a report.
  mutating func resolveOTLP() -> OTLPConfiguration? {
    guard let decoded = draft.otlp else { return nil }
    let (otlp, places) = (decoded.value, decoded.places)
    // A misspelled key has been reported.
    let areKnown = ["traces", "metrics"].allSatisfy { places.isWritten($0) || places.isMissing($0) }
    if otlp.tracesPercentage == nil, otlp.metricsInterval == nil, areKnown, places.areSound("traces", "metrics") {
      report(places.mapping, "nothing is exported; write traces: 10%, metrics: 60s, or both")
    }
    for file in [otlp.headersFile, otlp.certificateAuthority] {
      if let file { _ = checkFile(file) }
    }
    guard let url = otlp.url else { return nil }
    var path = Substring(url.value.path)
    while path.hasSuffix("/") { path.removeLast() }
    if path.contains("?") {
      report(url.position, "\(url.written) has a query; put what the collector needs into \"headers_file\"")
    } else if path.hasSuffix("/v1/traces") || path.hasSuffix("/v1/metrics") {
      report(url.position, "\(url.written): leave /v1/… out; it is appended to the URL")
    }
    let base = url.value.text.dropLast(url.value.path.utf8.count - path.utf8.count)
    return OTLPConfiguration(
      url: String(base), tracesPercentage: otlp.tracesPercentage, metricsInterval: otlp.metricsInterval,
      headersFile: otlp.headersFile?.value, certificateAuthorityFile: otlp.certificateAuthority?.value)
  }
}
