import ArgumentParser
import Configuration
import Dispatch
import Keys
import Sockets
import Synchronization
import Tokens

/// One provider of a configuration, for commands that look at tokens and keys.
struct ProviderOption: ParsableArguments {
  @OptionGroup var file: ConfigurationOption

  @Option(name: .long, help: ArgumentHelp("The provider, as the configuration calls it.", valueName: "name"))
  var provider: String

  /// The provider.
  ///
  /// - Throws: An exit status, after everything that is wrong was said.
  func load() throws -> ProviderConfiguration {
    try ProviderOption.all(of: file.config, named: provider)[0]
  }

  /// The providers of a configuration, or the one of that name: never none.
  static func all(of path: String, named name: String?) throws -> [ProviderConfiguration] {
    switch ConfigurationFile.load(path) {
    case .failure(let diagnostics):
      for diagnostic in diagnostics.list { StandardError.print(diagnostic.description) }
      // Only a file that cannot be read has a fault without a place.
      throw diagnostics.list.contains { $0.position == nil } ? ExitStatus.noInput : ExitStatus.configuration
    case .success(let configuration):
      let found = configuration.providers.filter { name == nil || $0.name == name }
      if found.isEmpty {
        let names = configuration.providers.map(\.name).joined(separator: ", ")
        let missing = name.map { "no provider \"\($0)\"" } ?? "no providers"
        StandardError.print("\(path): \(missing)\(names.isEmpty ? "" : "; the providers are: \(names)")")
        throw ExitStatus.usage
      }
      return found
    }
  }
}

extension ProviderConfiguration {
  /// The folder of the provider's own keys.
  ///
  /// - Throws: An exit status, where it does not sign.
  func signingFolder() throws -> SigningFolder {
    guard case .signing(let folder, let algorithm) = keys else {
      StandardError.print("provider \"\(name)\" has no \"signing\": its tokens are issued elsewhere")
      throw ExitStatus.usage
    }
    return SigningFolder(path: folder, provider: name, algorithm: algorithm)
  }

  /// The keys in force, fetched where they have to be.
  ///
  /// - Throws: An exit status, where there are none.
  func currentKeys() throws -> KeySet {
    let found = Mutex<KeySet?>(nil)
    let fault = Mutex<String?>(nil)
    try ControlLoop.run { loop, done in
      let store: KeyStore
      do throws(KeyStoreError) {
        // To look at a token is no reason to make a key: it would sign none that is out.
        store = try KeyStore(
          sources: [KeySource(self)], firstKey: .refused, copies: .onlyRead, loop: loop
        ) { event in
          if case .fetchFailed(let failure) = event { fault.withLock { $0 = "\(failure.url): \(failure.fault)" } }
        }
      } catch {
        fault.withLock { $0 = "\(error)" }
        done()
        return
      }
      let take: (KeySnapshot) -> Void = { snapshot in
        guard let keys = snapshot.providers.first, keys.firstFetchEnded else { return }
        found.withLock { $0 = keys.keySet }
        done()
        withExtendedLifetime(store) {}
      }
      store.start(publish: take)
      take(store.snapshot)
    }
    if let keys = found.withLock({ $0 }) { return keys }
    StandardError.print("provider \"\(name)\": no keys: \(fault.withLock { $0 } ?? "nothing was fetched")")
    throw ExitStatus.unavailable
  }
}

/// A loop for a command that has to wait for one thing.
enum ControlLoop {
  /// Runs `body` on a new loop until it calls what it is given.
  static func run(_ body: @escaping @Sendable (EventLoop, @escaping @Sendable () -> Void) -> Void) throws {
    let loop = try EventLoop(label: "command")
    let ended = DispatchSemaphore(value: 0)
    loop.start()
    loop.async { body(loop) { ended.signal() } }
    ended.wait()
    loop.stop()
  }
}
