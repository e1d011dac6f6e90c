import Testing

@testable import Configuration

/// A file that is right, in pieces: a test replaces one piece and looks at what is said of it.
struct Sample {
  var listeners = "listeners:\n  - address: 127.0.0.1:8080\n"
  var top = ""
  var providers = """
    providers:
      local:
        issuer: http://127.0.0.1:8080
        audiences: [example]
        signing: { state: state }

    """
  var upstreams = "upstreams:\n  echo: { builtin: echo }\n"
  var routes = "routes:\n  - { path: /api, auth: local, upstream: echo }\n"

  var text: String { listeners + top + providers + upstreams + routes }

  /// A provider with `keys` beside issuer, audiences and a source of keys.
  static func provider(_ keys: String, source: String = "jwks_url: https://id.example.com/jwks") -> Sample {
    Sample(
      providers: """
        providers:
          local:
            issuer: https://id.example.com
            audiences: [example]
            \(source)
            \(keys)

        """)
  }

  /// A route with `keys` beside path and upstream.
  static func route(_ keys: String, path: String = "/api") -> Sample {
    Sample(routes: "routes:\n  - path: \(path)\n    upstream: echo\n    \(keys)\n")
  }
}

/// The faults of a text, each without the file's name.
func faults(
  _ text: String, file: String = "gateway.conf", environment: [String: String] = [:]
) -> [String] {
  switch GatewayConfiguration.parse(Array(text.utf8), file: file, environment: environment, processorCount: 4) {
  case .success: []
  case .failure(let diagnostics):
    diagnostics.list.map { diagnostic in
      let position = diagnostic.position.map { "\($0.line):\($0.column): " } ?? ""
      return position + diagnostic.message
    }
  }
}

/// The configuration that a text decodes to; records what is wrong with it otherwise.
func configuration(
  _ text: String, file: String = "gateway.conf", environment: [String: String] = [:]
) throws -> GatewayConfiguration {
  try GatewayConfiguration.parse(Array(text.utf8), file: file, environment: environment, processorCount: 4).get()
}
