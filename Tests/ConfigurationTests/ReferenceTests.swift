import Foundation
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
      try Data(ConfigurationReference.markdown().utf8).write(to: URL(filePath: path))
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
}
