// swift-tools-version: 6.2
import PackageDescription

// The dependencies below are the architecture: docs/architecture.md explains them, and the build
// (`--explicit-target-dependency-import-check error`) refuses an import that is not listed here.
let settings: [SwiftSetting] = [
  .strictMemorySafety(),
  .treatAllWarnings(as: .error),
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("MemberImportVisibility"),
]

func module(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
  .target(name: name, dependencies: dependencies, swiftSettings: settings)
}

func tests(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
  .testTarget(name: name, dependencies: dependencies, swiftSettings: settings)
}

// The fuzz targets are always built, as their seeds are tests. The program that looks for inputs needs what libFuzzer
// links, so it is there where `.ci/fuzz` asks for it.
let fuzzing: [Target] =
  [
    .target(
      name: "FuzzTargets", dependencies: ["Configuration", "JSON", "Crypto", "Tokens", "HTTP", "Reason"],
      path: "Fuzz/Targets",
      swiftSettings: settings),
    .testTarget(name: "FuzzSeedsTests", dependencies: ["FuzzTargets"], swiftSettings: settings),
  ]
  + (Context.environment["FUZZ"] == nil
    ? []
    : [
      .executableTarget(
        name: "Fuzz", dependencies: ["FuzzTargets"], path: "Fuzz/Driver",
        swiftSettings: settings + [.unsafeFlags(["-parse-as-library"])])
    ])

let package = Package(
  name: "portcullis",
  products: [.executable(name: "portcullis", targets: ["Gateway"])],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
  ],
  targets: [
    // C libraries: module maps and the few shims that Swift cannot see.
    .target(name: "CSystem"),
    .systemLibrary(name: "COpenSSL", pkgConfig: "openssl", providers: [.apt(["libssl-dev"])]),
    .systemLibrary(name: "CCurl", pkgConfig: "libcurl", providers: [.apt(["libcurl4-openssl-dev"])]),
    .systemLibrary(name: "CCrypt", pkgConfig: "libcrypt", providers: [.apt(["libcrypt-dev"])]),
    .systemLibrary(name: "CSQLite", pkgConfig: "sqlite3", providers: [.apt(["libsqlite3-dev"])]),
    .systemLibrary(name: "CYAML", pkgConfig: "yaml-0.1", providers: [.apt(["libyaml-dev"])]),
    .target(name: "CJSON", linkerSettings: [.linkedLibrary("simdjson")]),

    // C made safe.
    module("Sockets", ["CSystem"]),
    module("JSON", ["CJSON"]),
    module("Crypto", ["COpenSSL", "CCrypt"]),
    module("State", ["CSQLite"]),
    module("Fetch", ["CCurl", "Sockets"]),
    module("TLS", ["COpenSSL", "Sockets"]),

    // Pure values and decisions.
    module("Reason", []),
    module("HTTP", ["Reason"]),
    module("Tokens", ["JSON", "Crypto", "Reason"]),
    module("Access", ["HTTP", "Tokens", "Reason"]),

    // The program.
    module("Configuration", ["CYAML", "Access", "Tokens", "HTTP", "Crypto", "Reason"]),
    module("Keys", ["Tokens", "HTTP", "JSON", "Crypto", "Fetch", "Sockets"]),
    module("OAuth", ["Tokens", "JSON", "Crypto", "Fetch", "Sockets"]),
    module("Introspection", ["OAuth", "Tokens", "HTTP", "JSON", "Fetch", "Sockets"]),
    module(
      "SignIn",
      [
        "Configuration", "Access", "Tokens", "HTTP", "Crypto", "JSON", "State", "Keys", "OAuth", "Fetch", "Sockets",
        "Reason",
      ]),
    module("Telemetry", ["HTTP", "Tokens", "Access", "JSON", "Sockets", "Reason"]),
    module("OTLP", ["Telemetry", "Fetch", "JSON", "Sockets"]),
    module(
      "Proxy",
      ["Configuration", "Access", "Tokens", "Keys", "HTTP", "TLS", "Crypto", "JSON", "Sockets", "Telemetry", "Reason"]),
    module(
      "Probe",
      [
        "Configuration", "Proxy", "Telemetry", "Access", "Tokens", "Keys", "HTTP", "TLS", "Crypto", "JSON", "Sockets",
      ]),
    module("Admin", ["Configuration", "Proxy", "HTTP", "Access", "JSON", "Sockets", "Telemetry", "Tokens", "Reason"]),
    .executableTarget(
      name: "Gateway",
      dependencies: [
        "Admin", "Configuration", "Proxy", "Telemetry", "OTLP", "Access", "Tokens", "HTTP", "Reason", "Keys", "OAuth",
        "Introspection", "Fetch", "SignIn", "State", "TLS", "Crypto", "JSON", "Sockets", "Probe",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
        .product(name: "Logging", package: "swift-log"),
      ],
      swiftSettings: settings),

    // What the tests of several modules need.
    .target(name: "TestSupport", path: "Tests/TestSupport", swiftSettings: settings),
    tests("ReasonTests", ["Reason"]),
    tests("SocketsTests", ["Sockets"]),
    tests("JSONTests", ["JSON"]),
    tests("CryptoTests", ["Crypto"]),
    tests("TokensTests", ["Tokens", "Crypto", "JSON", "Reason", "TestSupport"]),
    tests("FetchTests", ["Fetch", "Sockets", "TestSupport"]),
    tests("TLSTests", ["TLS", "COpenSSL", "Sockets"]),
    tests("HTTPTests", ["HTTP", "Reason", "TestSupport"]),
    tests("AccessTests", ["Access", "Tokens", "HTTP", "JSON", "Reason", "Crypto", "TestSupport"]),
    tests("ConfigurationTests", ["Configuration", "Access", "Tokens", "HTTP", "Crypto", "Reason", "TestSupport"]),
    tests("StateTests", ["State", "TestSupport"]),
    tests("KeysTests", ["Keys", "Tokens", "HTTP", "Fetch", "Crypto", "Sockets", "TestSupport"]),
    tests(
      "IntrospectionTests",
      ["Introspection", "OAuth", "Tokens", "HTTP", "JSON", "Fetch", "Crypto", "Sockets", "Reason", "TestSupport"]),
    tests(
      "SignInTests",
      [
        "SignIn", "Configuration", "Tokens", "HTTP", "Crypto", "JSON", "State", "Keys", "OAuth", "Fetch", "Sockets",
        "Reason", "TestSupport",
      ]),
    tests("TelemetryTests", ["Telemetry", "Access", "HTTP", "JSON", "Sockets", "Tokens", "Reason", "TestSupport"]),
    tests("OTLPTests", ["OTLP", "Telemetry", "Fetch", "JSON", "Sockets", "TestSupport"]),
    tests("ProbeTests", ["Probe", "Configuration"]),
    tests("AdminTests", ["Admin", "Proxy", "HTTP", "Access", "JSON", "Sockets", "Telemetry", "Tokens", "Reason"]),
    tests(
      "ProxyTests",
      [
        "Proxy", "Configuration", "HTTP", "Tokens", "Keys", "Access", "TLS", "Crypto", "JSON", "Sockets", "Telemetry",
        "Reason", "TestSupport",
      ]),
    tests(
      "GatewayTests",
      [
        "Gateway", "Admin", "Configuration", "Keys", "State", "Tokens", "JSON", "Sockets",
        "Telemetry", "Reason", "TestSupport", .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ]),
  ] + fuzzing,
  swiftLanguageModes: [.v6],
  cxxLanguageStandard: .cxx17
)
