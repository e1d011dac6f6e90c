import ArgumentParser
import Configuration
import Fetch
import Sockets
import Synchronization

/// Which admin listener a command asks.
struct AdminOption: ParsableArguments {
  @Option(
    name: .long,
    help: ArgumentHelp("The admin listener: host:port, [::1]:port or unix:path.", valueName: "address"))
  var admin: AdminAddress?
  @OptionGroup var file: ConfigurationOption

  struct AdminAddress: ExpressibleByArgument {
    let text: String
    let address: ListenAddress

    init?(argument: String) {
      guard let address = ListenAddress(argument) else { return nil }
      text = argument
      self.address = address
    }
  }

  /// The one of `--admin`, or of the configuration; nil: that has none.
  ///
  /// A configuration that is faulty elsewhere says where to ask too: these commands are for when something is wrong.
  ///
  /// - Throws: An exit status, after everything that is wrong with the configuration was said.
  func target() throws -> (name: String, address: ListenAddress)? {
    if let admin { return (admin.text, admin.address) }
    let name = "the admin listener of \(file.config)"
    switch ConfigurationFile.load(file.config, for: .command) {
    case .success(let configuration): return configuration.admin.map { (name, $0.address) }
    case .failure(let diagnostics):
      if let address = GatewayConfiguration.adminAddress(ofFaulty: file.config, environment: Process.environment) {
        StandardError.print(
          "\(file.config) is faulty, as portcullis check --config \(file.config) shows; its admin.address is asked "
            + "all the same")
        return (name, address)
      }
      let status = ProviderOption.say(diagnostics)
      StandardError.print("to ask the gateway without this file: --admin host:port, or --admin unix:path")
      throw status
    }
  }
}

/// One question of a command to the admin listener of a gateway that runs, and its whole response.
enum AdminQuery {
  private static let responseBytesMax = 4 << 20

  /// libcurl says that it cannot reach the host of the URL, which nobody asked for.
  ///
  /// - Throws: What the system says of the socket.
  private static func checkSocket(_ path: String) throws {
    guard let address = SocketAddress(unix: path) else {
      throw UnusableSocket(path: path, why: "a socket's path has at most 107 bytes")
    }
    do throws(SystemError) {
      _ = try Socket.connect(to: address)
    } catch {
      throw UnusableSocket(path: path, error)
    }
  }

  struct UnusableSocket: Error, CustomStringConvertible {
    let description: String

    init(path: String, why: String) { description = "\(path): \(why)" }

    init(path: String, _ error: SystemError) {
      let why =
        if error.isNotThere {
          "there is no such socket: is the gateway running, with this admin.address?"
        } else if error.isNotPermitted {
          "permission denied: run this as root or as the gateway's user"
        } else if error.isRefused {
          "nothing listens there: the gateway has stopped"
        } else {
          "\(error)"
        }
      self.init(path: path, why: why)
    }
  }

  struct UnknownResponse: Error, CustomStringConvertible {
    let description = "the response is not from an admin listener of this version"
  }

  /// Asks, and blocks until the response is there.
  ///
  /// - Parameter method: GET, or POST with JSON.
  static func ask(
    _ path: String, _ method: FetchRequest.Method = .get, at address: ListenAddress
  ) throws -> FetchResponse {
    var request = FetchRequest(url: "http://\(address.hostToConnectTo)\(path)", bodyBytesMax: responseBytesMax)
    request.method = method
    request.isInClear = true
    if case .unix(let path) = address { request.unixSocket = path }
    let question = request
    let response = Mutex<Result<FetchResponse, FetchError>>(.failure(.stopped))
    try CurrentKeys.onLoop { loop, done in
      do throws(FetchError) {
        let fetcher = try Fetcher(loop: loop)
        fetcher.fetch(question) { result in
          // Held until then.
          withExtendedLifetime(fetcher) {}
          response.withLock { $0 = result }
          done()
        }
      } catch {
        response.withLock { $0 = .failure(error) }
        done()
      }
    }
    switch response.withLock({ $0 }) {
    case .success(let response): return response
    case .failure(let error):
      if case .unix(let path) = address { try checkSocket(path) }
      throw error
    }
  }
}

extension ListenAddress {
  /// Where a command of this machine reaches it: what listens on all addresses does on loopback too.
  fileprivate var hostToConnectTo: String {
    switch self {
    case .ipv4(let literal, let port): "\(literal == "0.0.0.0" ? "127.0.0.1" : literal):\(port)"
    case .ipv6(let literal, let port): "[\(literal == "::" ? "::1" : literal)]:\(port)"
    case .unix: "localhost"
    }
  }
}
