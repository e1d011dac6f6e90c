import Glibc
import Testing

@testable import Configuration

@Suite("What ships with the program")
struct ReferenceTests {
  /// The package's root, from this file's place in it.
  static let root = #filePath.split(separator: "/").dropLast(3).reduce(into: "") { $0 += "/\($1)" }

  @Test("docs/configuration.md is what the key tables say; write it anew with PORTCULLIS_WRITE_REFERENCE=1")
  func reference() throws {
    let path = "\(Self.root)/docs/configuration.md"
    // SAFETY: a literal goes in, and only whether there is an answer is looked at.
    if unsafe getenv("PORTCULLIS_WRITE_REFERENCE") != nil {
      try TemporaryFolder.write(ConfigurationReference.markdown(), to: path)
    }
    let written = String(decoding: try FileSystem.read(path), as: UTF8.self)
    #expect(written == ConfigurationReference.markdown())
  }

  @Test("gateway.conf.example loads as it stands")
  func example() throws {
    let result = GatewayConfiguration.load(
      path: "\(Self.root)/gateway.conf.example", environment: [:], processorCount: 4)
    let file = try result.get()
    #expect(file.routes.map(\.name) == ["/public/**", "/api/**", "/admin/**"])
    #expect(file.upstreams.map(\.kind) == [.echo])
  }

  @Test("Everything that the reference calls unsupported is refused as such")
  func unsupported() {
    let tables: [(path: String, known: [String], unsupported: [String])] = [
      ("gateway.conf", GatewayDraft.keys.keys.map(\.name), GatewayDraft.keys.unsupported),
      ("providers.<name>", ProviderDraft.keys.keys.map(\.name), ProviderDraft.keys.unsupported),
      ("upstreams.<name>", UpstreamDraft.keys.keys.map(\.name), UpstreamDraft.keys.unsupported),
      ("routes[]", RouteDraft.keys.keys.map(\.name), RouteDraft.keys.unsupported),
    ]
    for table in tables {
      #expect((NotSupportedYet.list.first { $0.path == table.path }?.words ?? []) == table.unsupported)
      #expect(Set(table.known).isDisjoint(with: table.unsupported))
    }
  }
}
