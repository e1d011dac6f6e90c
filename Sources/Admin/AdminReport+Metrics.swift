import Access
import Proxy
import Reason
import Sockets
public import Telemetry

extension AdminReport {
  /// `/metrics`: Prometheus' text format 0.0.4. What each means: docs/admin.md.
  func metrics() -> [UInt8] {
    var text = PrometheusText()
    write(to: &text)
    return text.bytes
  }

  /// The same for a collector: the contents of requests with OTLP's JSON.
  public func metrics(_ resource: OTLPResource) -> [[UInt8]] {
    var text = OTLPMetrics(resource, since: Int64(startedAtSeconds * 1e9), now: Int64(nowSeconds * 1e9))
    write(to: &text)
    return text.finish()
  }

  private func write(to text: inout some MetricWriter) {
    writeTraffic(to: &text)
    writeUpstreams(to: &text)
    writeProviders(to: &text)
    writeTokens(to: &text)
    writeConfiguration(to: &text)
    writeExport(to: &text)
    writeProcess(to: &text)
  }

  private func writeTraffic(to text: inout some MetricWriter) {
    write(
      AdminReport.named(counts.routes, routeNames), of: "route", to: &text,
      requests: ("portcullis_http_requests_total", "Completed requests, by route and status class."),
      durations: (
        "portcullis_http_request_duration_seconds", "From a request's first byte to its response's last."
      ))
    text.begin(
      "portcullis_refusals_total", .counter, "Requests that the gateway itself answered or cut off, by reason.")
    for (refused, count) in refusals {
      text.sample(
        MetricLabels(
          ("route", AdminReport.name(refused.route, routeNames)),
          ("provider", AdminReport.name(refused.provider, providerNames)), ("reason", refused.reason.rawValue),
          ("blame", refused.reason.blame.rawValue),
          ("upstream", AdminReport.name(refused.upstream, upstreamNames))), count)
    }
    text.begin(
      "portcullis_shadow_refusals_total", .counter,
      "Requests that were allowed, but that what their route or their token's provider tries would have refused.")
    for (refused, count) in AdminReport.sorted(counts.unenforced) {
      text.sample(
        MetricLabels(
          ("route", AdminReport.name(refused.route, routeNames)), ("reason", refused.reason.rawValue)), count)
    }
    text.begin(
      "portcullis_tried_refusals_total", .counter,
      "Of the refused requests, those refused by what their route or provider tries, enforced for a share.")
    for (refused, count) in AdminReport.sorted(counts.refusedByTried) {
      text.sample(
        MetricLabels(
          ("route", AdminReport.name(refused.route, routeNames)),
          ("provider", AdminReport.name(refused.provider, providerNames)), ("reason", refused.reason.rawValue)), count)
    }
    text.begin(
      "portcullis_enforcement_stopped", .gauge,
      "1 if what the route or the provider tries refused more than its budget, and is no longer enforced.")
    for route in tried {
      guard case .share = route.enforcement else { continue }
      text.sample(MetricLabels(("route", route.name)), UInt64(route.isStopped ? 1 : 0))
    }
    for provider in triedProviders {
      text.sample(MetricLabels(("provider", provider.name)), UInt64(provider.isStopped ? 1 : 0))
    }
    text.begin(
      "portcullis_token_cache_lookups_total", .counter, "Requests with a token, by whether it had been verified before."
    )
    text.sample(MetricLabels(("result", "hit")), counts.cacheHits)
    text.sample(MetricLabels(("result", "miss")), counts.cacheMisses)
    text.begin("portcullis_http_request_bytes_total", .counter, "Bytes of completed requests.")
    text.sample(counts.bytesIn)
    text.begin("portcullis_http_response_bytes_total", .counter, "Bytes of completed responses.")
    text.sample(counts.bytesOut)
    text.begin("portcullis_connections_accepted_total", .counter, "Client connections.")
    text.sample(counts.connections)
    text.begin("portcullis_connections", .gauge, "Open client connections.")
    text.sample(UInt64(clamping: openConnections))
  }

  private func writeUpstreams(to text: inout some MetricWriter) {
    write(
      AdminReport.named(counts.upstreams, upstreamNames).filter { !$0.name.isEmpty }, of: "upstream", to: &text,
      requests: (
        "portcullis_upstream_requests_total", "Requests to an upstream, by class of the status that clients got."
      ),
      durations: ("portcullis_upstream_first_byte_seconds", "From sending a request to its response's first byte."))
    text.begin(
      "portcullis_upstream_answers_total", .counter, "Responses of an upstream's own servers, by status class.")
    for (number, statuses) in counts.forwarded.enumerated() where statuses.total > 0 {
      let name = AdminReport.name(number, upstreamNames)
      guard !name.isEmpty else { continue }
      for place in AdminReport.places {
        text.sample(MetricLabels(("upstream", name), ("code", AdminReport.codes[place])), statuses.count(of: place))
      }
    }
    text.begin("portcullis_upstream_retries_total", .counter, "Attempts after the first.")
    text.sample(counts.retries)
    text.begin("portcullis_upstream_servers", .gauge, "Servers, by state.")
    for upstream in upstreams {
      for health in UpstreamStatus.Health.allCases {
        let count = upstream.servers.count { $0.health == health }
        text.sample(MetricLabels(("upstream", upstream.name), ("state", health.rawValue)), UInt64(count))
      }
    }
  }

  private func writeProviders(to text: inout some MetricWriter) {
    text.begin(
      "portcullis_key_set_keys", .gauge, "Keys in use; 0: its routes answer 503. Absent where a provider needs none.")
    for provider in providers {
      guard let keys = provider.keys else { continue }
      text.sample(MetricLabels(("provider", provider.name)), UInt64(keys))
    }
    text.begin("portcullis_key_set_last_success_timestamp_seconds", .gauge, "When keys were last fetched or read.")
    for provider in providers {
      guard let fetchedAt = provider.fetchedAtSeconds else { continue }
      text.sample(
        MetricLabels(("provider", provider.name)),
        fetchedAt)
    }
    text.begin("portcullis_key_set_failures", .gauge, "Consecutive failed fetches since the last success.")
    for provider in providers where provider.keys != nil {
      text.sample(MetricLabels(("provider", provider.name)), UInt64(provider.failures))
    }
  }

  private func writeConfiguration(to text: inout some MetricWriter) {
    text.begin(
      "portcullis_certificate_expiry_timestamp_seconds", .gauge,
      "When a certificate that is presented to clients or upstreams expires, by its file.")
    for certificate in certificates {
      text.sample(MetricLabels(("file", certificate.file)), certificate.expiresAtSeconds)
    }
    text.begin("portcullis_configuration_generation", .gauge, "Increases with each reload; access lines carry it.")
    text.sample(generation)
    text.begin("portcullis_configuration_last_reload_successful", .gauge, "0: the last reload was refused.")
    text.sample(UInt64(reload.faults.isEmpty ? 1 : 0))
    text.begin("portcullis_configuration_taken_timestamp_seconds", .gauge, "When the one in force was loaded.")
    text.sample(reload.takenAtSeconds)
    text.begin("portcullis_configuration_reloads_total", .counter, "Reloads, by result.")
    text.sample(MetricLabels(("result", "done")), reload.done)
    text.sample(MetricLabels(("result", "refused")), reload.refused)
    text.begin(
      "portcullis_revocations_file_last_read_successful", .gauge,
      "0: the file of revocations cannot be used, and what was read before is in force. Absent where there is none.")
    for file in watchedFiles where file.kind == .revocations { text.sample(UInt64(file.fault == nil ? 1 : 0)) }
    text.begin(
      "portcullis_users_file_last_read_successful", .gauge,
      "0: the provider's users file cannot be used, and what was read before is in force.")
    for file in watchedFiles {
      guard case .users(let provider) = file.kind else { continue }
      text.sample(MetricLabels(("provider", provider)), UInt64(file.fault == nil ? 1 : 0))
    }
    text.begin("portcullis_ready", .gauge, "1 if /health/ready answers 200.")
    text.sample(UInt64(readiness == .ready ? 1 : 0))
    text.begin("portcullis_build_info", .gauge, "1, with the version.")
    text.sample(MetricLabels(("version", version)), UInt64(1))
  }

  private func writeExport(to text: inout some MetricWriter) {
    text.begin("portcullis_log_lines_lost_total", .counter, "Lines of the access log that could not be written.")
    text.sample(logLinesLost)
    text.begin("portcullis_otlp_spans_total", .counter, "Spans for the collector, by outcome.")
    text.sample(MetricLabels(("result", "exported")), exportedSpans.exported)
    text.sample(MetricLabels(("result", "rejected")), exportedSpans.rejected)
    text.sample(MetricLabels(("result", "dropped")), exportedSpans.dropped)
  }

  private func writeProcess(to text: inout some MetricWriter) {
    guard let process else { return }
    text.begin("process_cpu_seconds_total", .counter, "Processor time in user mode and in the kernel.")
    text.sample(process.processorSeconds)
    text.begin("process_resident_memory_bytes", .gauge, "Resident memory.")
    text.sample(process.residentBytes)
    text.begin("process_virtual_memory_bytes", .gauge, "Virtual memory.")
    text.sample(process.virtualBytes)
    text.begin("process_open_fds", .gauge, "Open descriptors.")
    text.sample(process.openDescriptors)
    text.begin("process_max_fds", .gauge, "Maximum number of open descriptors.")
    text.sample(process.descriptorsMax)
    text.begin("process_start_time_seconds", .gauge, "When the process started.")
    text.sample(startedAtSeconds)
  }

  // MARK: Pieces

  /// What is counted of exchanges, with `label` saying which.
  private func write(
    _ all: [(name: String, counts: ExchangeCounts)], of label: String, to text: inout some MetricWriter,
    requests: (name: StaticString, help: StaticString), durations: (name: StaticString, help: StaticString)
  ) {
    text.begin(requests.name, .counter, requests.help)
    for (name, counts) in all {
      // Zeros too: where nothing was before, nothing has risen.
      text.samples(MetricLabels((label, name)), by: "code", AdminReport.codes) { counts.count(ofStatuses: $0) }
    }
    text.begin(durations.name, .histogram, durations.help)
    for (name, counts) in all { text.sample(MetricLabels((label, name)), counts.durations) }
  }

  static let places = 0...5
  /// By a status' first digit; cut before there was one: `none`.
  static let codes = ["none", "1xx", "2xx", "3xx", "4xx", "5xx"]

  static func name(_ number: Int, _ names: [String]) -> String { names.indices.contains(number) ? names[number] : "" }

  /// Those that have counted anything.
  static func named(_ counts: [ExchangeCounts], _ names: [String]) -> [(name: String, counts: ExchangeCounts)] {
    counts.enumerated().filter { $0.element.total > 0 }.map { (name($0.offset, names), $0.element) }
  }

  /// Those of most requests first.
  var refusals: [(refused: TrafficCounts.Refused, count: UInt64)] { AdminReport.sorted(counts.refusals) }

  /// What routes try, and how many requests it has refused; and how many that were let through it, or what the token's
  /// provider tries, would have refused.
  var triedRouteCounts: [(route: TriedRoute, refused: UInt64, shadow: UInt64)] {
    func sums(_ counts: [TrafficCounts.Refused: UInt64]) -> [String: UInt64] {
      counts.reduce(into: [:]) { $0[AdminReport.name($1.key.route, routeNames), default: 0] &+= $1.value }
    }
    let (refused, shadow) = (sums(counts.refusedByTried.filter { $0.key.provider == 0 }), sums(counts.unenforced))
    return tried.map { ($0, refused[$0.name] ?? 0, shadow[$0.name] ?? 0) }
  }

  /// What providers enforce for a share, and how many requests it has refused.
  var triedProviderCounts: [(provider: TriedProvider, refused: UInt64)] {
    triedProviders.map { provider in
      let counted = counts.refusedByTried.filter { AdminReport.name($0.key.provider, providerNames) == provider.name }
      return (provider, counted.values.reduce(0, &+))
    }
  }

  private static func sorted(
    _ counts: [TrafficCounts.Refused: UInt64]
  ) -> [(refused: TrafficCounts.Refused, count: UInt64)] {
    counts.map { ($0.key, $0.value) }.sorted {
      ($1.count, $0.refused.reason.rawValue, $0.refused.route, $0.refused.provider, $0.refused.upstream) < (
        $0.count, $1.refused.reason.rawValue, $1.refused.route, $1.refused.provider, $1.refused.upstream
      )
    }
  }
}
