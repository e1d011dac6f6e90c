import Foundation
import HTTP
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

  @Test("docs/routes.md lists the fields that never arrive, each in its row")
  func reservedFields() throws {
    let page = String(decoding: try FileSystem.read("\(Self.root)/docs/routes.md"), as: UTF8.self)
    for group in [
      ReservedFields.path, ReservedFields.method, ReservedFields.sender, ReservedFields.connection, ReservedFields.hop,
    ] {
      let row = group.map { "`\($0)`" }.joined(separator: ", ")
      #expect(page.contains("| \(row)"), "\(row)")
    }
    let prefixes = ReservedFields.prefixes.map { "`\($0)`" }
    #expect(page.contains(prefixes.dropLast().joined(separator: ", ") + " or " + prefixes[prefixes.count - 1]))
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
