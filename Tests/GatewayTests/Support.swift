import Configuration
import Telemetry
import Testing

/// The configuration that a text decodes to; throws what is wrong with it otherwise.
func configuration(
  providers: String = "", _ more: String = "",
  routes: String = "routes: [{ name: all, path: /**, auth: none, upstream: echo }]"
) throws -> GatewayConfiguration {
  let text = """
    listeners: [{ address: 127.0.0.1:8080 }]
    \(more)
    \(providers.isEmpty ? "" : "providers:\n\(providers)")
    upstreams: { echo: { builtin: echo } }
    \(routes)
    """
  return try GatewayConfiguration.parse(
    Array(text.utf8), file: "gateway.conf", environment: [:], processorCount: 2
  ).get()
}

/// A line of a log, as `portcullis logs` reads it.
func logLine(_ text: String) throws -> LogLine {
  let line = LogLine(Array(text.utf8).span)
  return try #require(line)
}
