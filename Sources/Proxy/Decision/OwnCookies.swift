import Configuration
import HTTP

/// The gateway's own cookies (SECURITY I-6, C-1), or others that an upstream does not see.
struct OwnCookies: Sendable {
  let names: [[UInt8]]
  /// Prefixes of the names of others.
  let prefixes: [[UInt8]]

  var isEmpty: Bool { names.isEmpty && prefixes.isEmpty }

  static let none = OwnCookies(names: [], prefixes: [])

  init(names: [[UInt8]], prefixes: [[UInt8]]) {
    self.names = names
    self.prefixes = prefixes
  }

  /// Whether a Set-Cookie line sets one of them.
  func areSet(by line: FieldLine, _ bytes: Span<UInt8>) -> Bool {
    !isEmpty && SetCookieLine.sets(names, prefixes: prefixes, bytes, line.value)
  }

  init(_ providers: [ProviderConfiguration]) {
    var names: [[UInt8]] = []
    let ofSignIns = providers.flatMap { $0.signIn?.cookies.names ?? [] }
    for name in ofSignIns + providers.compactMap({ $0.codeFlow?.cookies.session }) {
      let bytes = [UInt8](name.utf8)
      if !names.contains(bytes) { names.append(bytes) }
    }
    let prefixes = Set(providers.compactMap { $0.codeFlow?.cookies.flowPrefix })
    self.init(names: names, prefixes: prefixes.sorted().map { [UInt8]($0.utf8) })
  }
}
