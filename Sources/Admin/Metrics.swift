import Proxy
import Reason
import Sockets
import Telemetry

extension AdminReport {
  /// `/metrics`: Prometheus' text format 0.0.4. What each means: docs/admin.md.
  func metrics() -> [UInt8] {
    var text = PrometheusText()
    writeTraffic(to: &text)
    writeUpstreams(to: &text)
    writeProviders(to: &text)
    writeConfiguration(to: &text)
    writeProcess(to: &text)
    return text.bytes
  }

  private func writeTraffic(to text: inout PrometheusText) {
    let counts = traffic.counts
    let routes = AdminReport.named(counts.routes, routeNames)
    text.begin("portcullis_http_requests_total", .counter, "Requests that are over, by route and class of status.")
    for (name, route) in routes {
      for place in AdminReport.places where route.count(ofStatuses: place) > 0 {
        text.sample(
          "portcullis_http_requests_total",
          PrometheusText.Labels(("route", name), ("code", AdminReport.codes[place])), route.count(ofStatuses: place))
      }
    }
    text.begin(
      "portcullis_http_request_duration_seconds", .histogram, "From a request's first byte to its answer's last.")
    for (name, route) in routes {
      text.sample(
        "portcullis_http_request_duration_seconds", PrometheusText.Labels(("route", name)), route.durations)
    }
    text.begin("portcullis_refusals_total", .counter, "Requests that the gateway answered or cut itself, by reason.")
    for (refused, count) in refusals {
      text.sample(
        "portcullis_refusals_total",
        PrometheusText.Labels(
          ("route", AdminReport.name(refused.route, routeNames)), ("reason", refused.reason.rawValue),
          ("blame", refused.reason.blame.rawValue)), count)
    }
    text.begin(
      "portcullis_token_cache_lookups_total", .counter, "Requests with a token, by whether it was verified before.")
    text.sample("portcullis_token_cache_lookups_total", PrometheusText.Labels(("result", "hit")), counts.cacheHits)
    text.sample("portcullis_token_cache_lookups_total", PrometheusText.Labels(("result", "miss")), counts.cacheMisses)
    text.begin("portcullis_http_request_bytes_total", .counter, "Bytes of requests that are over.")
    text.sample("portcullis_http_request_bytes_total", counts.bytesIn)
    text.begin("portcullis_http_response_bytes_total", .counter, "Bytes of answers that are over.")
    text.sample("portcullis_http_response_bytes_total", counts.bytesOut)
    text.begin("portcullis_connections_accepted_total", .counter, "Connections of clients.")
    text.sample("portcullis_connections_accepted_total", counts.connections)
    text.begin("portcullis_connections", .gauge, "Connections of clients that are open.")
    text.sample("portcullis_connections", UInt64(clamping: openConnections))
  }

  private func writeUpstreams(to text: inout PrometheusText) {
    let counts = AdminReport.named(traffic.counts.upstreams, upstreamNames).filter { !$0.name.isEmpty }
    text.begin(
      "portcullis_upstream_requests_total", .counter, "Requests that were sent to an upstream, by class of status.")
    for (name, upstream) in counts {
      for place in AdminReport.places where upstream.count(ofStatuses: place) > 0 {
        text.sample(
          "portcullis_upstream_requests_total",
          PrometheusText.Labels(("upstream", name), ("code", AdminReport.codes[place])),
          upstream.count(ofStatuses: place))
      }
    }
    text.begin("portcullis_upstream_first_byte_seconds", .histogram, "From the decision to the answer's first byte.")
    for (name, upstream) in counts {
      text.sample(
        "portcullis_upstream_first_byte_seconds", PrometheusText.Labels(("upstream", name)), upstream.durations)
    }
    text.begin("portcullis_upstream_retries_total", .counter, "Attempts beside the first.")
    text.sample("portcullis_upstream_retries_total", traffic.counts.retries)
    text.begin("portcullis_upstream_servers", .gauge, "Servers, by how they are.")
    for upstream in upstreams {
      for health in UpstreamStatus.Health.allCases {
        let count = upstream.servers.count { $0.health == health }
        text.sample(
          "portcullis_upstream_servers",
          PrometheusText.Labels(("upstream", upstream.name), ("state", health.rawValue)), UInt64(count))
      }
    }
  }

  private func writeProviders(to text: inout PrometheusText) {
    text.begin("portcullis_key_set_keys", .gauge, "Keys in use; 0: its routes answer 503.")
    for provider in providers {
      text.sample(
        "portcullis_key_set_keys", PrometheusText.Labels(("provider", provider.name)), UInt64(provider.keys))
    }
    text.begin("portcullis_key_set_last_success_timestamp_seconds", .gauge, "When keys were fetched or read last.")
    for provider in providers {
      guard let fetchedAt = provider.fetchedAt else { continue }
      text.sample(
        "portcullis_key_set_last_success_timestamp_seconds", PrometheusText.Labels(("provider", provider.name)),
        fetchedAt)
    }
    text.begin("portcullis_key_set_failures", .gauge, "Fetches that failed since the last success, in a row.")
    for provider in providers {
      text.sample(
        "portcullis_key_set_failures", PrometheusText.Labels(("provider", provider.name)), UInt64(provider.failures))
    }
  }

  private func writeConfiguration(to text: inout PrometheusText) {
    text.begin("portcullis_configuration_generation", .gauge, "Counts up with each reload; access lines say it.")
    text.sample("portcullis_configuration_generation", generation)
    text.begin("portcullis_configuration_last_reload_successful", .gauge, "0: the last reload was refused.")
    text.sample("portcullis_configuration_last_reload_successful", UInt64(reload.faults.isEmpty ? 1 : 0))
    text.begin("portcullis_configuration_taken_timestamp_seconds", .gauge, "When the one in force was taken.")
    text.sample("portcullis_configuration_taken_timestamp_seconds", reload.takenAt)
    text.begin("portcullis_configuration_reloads_total", .counter, "Reloads, by what came of them.")
    text.sample("portcullis_configuration_reloads_total", PrometheusText.Labels(("result", "done")), reload.done)
    text.sample("portcullis_configuration_reloads_total", PrometheusText.Labels(("result", "refused")), reload.refused)
    text.begin("portcullis_ready", .gauge, "1 where /health/ready says 200.")
    text.sample("portcullis_ready", UInt64(readiness == .ready ? 1 : 0))
    text.begin("portcullis_build_info", .gauge, "1, with the version.")
    text.sample("portcullis_build_info", PrometheusText.Labels(("version", version)), UInt64(1))
  }

  private func writeProcess(to text: inout PrometheusText) {
    text.begin("process_cpu_seconds_total", .counter, "Processor time in user mode and in the kernel.")
    text.sample("process_cpu_seconds_total", process.processorSeconds)
    text.begin("process_resident_memory_bytes", .gauge, "Resident memory.")
    text.sample("process_resident_memory_bytes", process.residentBytes)
    text.begin("process_virtual_memory_bytes", .gauge, "Virtual memory.")
    text.sample("process_virtual_memory_bytes", process.virtualBytes)
    text.begin("process_open_fds", .gauge, "Open descriptors.")
    text.sample("process_open_fds", process.openDescriptors)
    text.begin("process_max_fds", .gauge, "Descriptors that may be open.")
    text.sample("process_max_fds", process.descriptorsMax)
    text.begin("process_start_time_seconds", .gauge, "When the process began.")
    text.sample("process_start_time_seconds", startedAt)
  }

  // MARK: Pieces

  private static let places = 0...5
  /// By a status' first digit; cut before there was one: `none`.
  private static let codes = ["none", "1xx", "2xx", "3xx", "4xx", "5xx"]

  static func name(_ number: Int, _ names: [String]) -> String { names.indices.contains(number) ? names[number] : "" }

  /// Those that have counted anything.
  static func named(_ counts: [ExchangeCounts], _ names: [String]) -> [(name: String, counts: ExchangeCounts)] {
    counts.enumerated().filter { $0.element.total > 0 }.map { (name($0.offset, names), $0.element) }
  }

  /// Those of most requests first.
  var refusals: [(refused: TrafficCounts.Refused, count: UInt64)] {
    traffic.counts.refusals.map { ($0.key, $0.value) }.sorted {
      ($1.count, $0.refused.reason.rawValue, $0.refused.route) < (
        $0.count, $1.refused.reason.rawValue, $1.refused.route
      )
    }
  }
}
