public import Configuration
public import Sockets

/// What is listened on: the sockets of each listener, and which loops accept from them.
public struct ListenerSockets: Sendable {
  /// One socket of a listener, as one loop has it.
  struct Share: Sendable {
    let socket: ListeningSocket
    /// Whether other loops accept from it too.
    let isShared: Bool
    /// The listener's place.
    let listener: Int
    let proxyProtocol: Bool
  }

  /// By loop.
  private(set) var shares: [[Share]]
  /// Of the admin listener.
  private(set) var adminShares: [Share] = []
  /// Of the admin listener, with the port that the system chose; nil: there is none.
  public private(set) var adminAddress: String?
  /// Every socket, each once.
  public private(set) var all: [ListeningSocket] = []
  /// Of each listener, with the ports that the system chose.
  public private(set) var addresses: [String] = []
  /// Those that an earlier process had, and no listener names any more.
  public private(set) var unused: [ListeningSocket] = []

  /// Takes the sockets that were inherited, by their addresses, and binds what is missing.
  public init(
    _ listeners: [ListenerConfiguration], admin: ListenAddress? = nil, workers: Int, inherited: [ListeningSocket]
  ) throws(ServerError) {
    shares = [[Share]](repeating: [], count: workers)
    let groups = try ListenerSockets.groups(
      of: inherited, for: listeners.map(\.address) + (admin.map { [$0] } ?? []))
    let used = groups.flatMap { $0 }
    unused = inherited.filter { socket in !used.contains { $0 === socket } }
    let foreign = unused.filter { $0.origin == .manager }
    // Who connects to one of these would wait for ever.
    if !foreign.isEmpty { throw .unnamed(foreign.map(\.text)) }
    for (index, listener) in listeners.enumerated() {
      let sockets = try ListenerSockets.complete(groups[index], listener.address, workers: workers)
      all += sockets
      let port = sockets.first?.port ?? 0
      addresses.append(try ListenerSockets.socketAddress(listener.address.with(port: port)).text)
      share(sockets, of: listener, at: index)
    }
    guard let admin, let group = groups.last else { return }
    let sockets = try ListenerSockets.complete(group, admin, workers: 1, unixModeMax: ListenerSockets.adminModeMax)
    all += sockets
    adminAddress = try ListenerSockets.socketAddress(admin.with(port: sockets.first?.port ?? 0)).text
    adminShares = sockets.map { Share(socket: $0, isShared: false, listener: 0, proxyProtocol: false) }
  }

  /// For each listener the sockets that are its: those of its address first, then of its host alone where it has port 0.
  private static func groups(
    of inherited: [ListeningSocket], for addresses: [ListenAddress]
  ) throws(ServerError) -> [[ListeningSocket]] {
    var places: [SocketPlace] = []
    for address in addresses { places.append(try socketAddress(address).place) }
    var groups = places.map { place in inherited.filter { $0.place == place } }
    var left = inherited.filter { !places.contains($0.place) }
    for (index, place) in places.enumerated() where place.port == 0 && place.path == nil {
      guard let first = left.first(where: { $0.place.host == place.host }) else { continue }
      groups[index] = left.filter { $0.place == first.place }
      left.removeAll { $0.place == first.place }
    }
    return groups
  }

  /// Those of `inherited`, and such as are bound now.
  private static func complete(
    _ inherited: [ListeningSocket], _ address: ListenAddress, workers: Int, unixModeMax: UInt32? = nil
  ) throws(ServerError) -> [ListeningSocket] {
    // What waits at one whose path is gone is accepted by the process that hands over.
    let inherited = inherited.filter { !$0.isOutOfReach }
    var address = address
    var sockets = inherited
    if let first = inherited.first {
      // The manager's are its to add to, and a path cannot be bound twice.
      guard !first.isUnix, inherited.allSatisfy({ $0.origin == .gateway }) else { return inherited }
      address = address.with(port: first.port)
    }
    while sockets.count < (address.isUnix ? 1 : workers) {
      let target = try socketAddress(address)
      do throws(SystemError) {
        if sockets.isEmpty { try ListeningSocket.ensureFree(target) }
        // Beside sockets that an earlier process accepts from, one would get connections that are lost when this start
        // comes to nothing.
        let socket = try ListeningSocket(
          target, backlog: backlog, listensAtOnce: inherited.isEmpty, unixModeMax: unixModeMax)
        sockets.append(socket)
        // Port 0: the first one's choice is that of all.
        address = address.with(port: socket.port)
      } catch {
        throw .listening(target.text, error)
      }
    }
    return sockets
  }

  /// Each loop has a socket of its own where they are that many; what is over is accepted from by all.
  private mutating func share(_ sockets: [ListeningSocket], of listener: ListenerConfiguration, at index: Int) {
    let areOwn = sockets.count >= shares.count && sockets.allSatisfy { !$0.isUnix && $0.origin == .gateway }
    for (position, socket) in sockets.enumerated() {
      let isOwn = areOwn && position < shares.count
      for loop in shares.indices where !isOwn || loop == position {
        shares[loop].append(
          Share(socket: socket, isShared: !isOwn, listener: index, proxyProtocol: listener.proxyProtocol))
      }
    }
  }

  private static func socketAddress(_ address: ListenAddress) throws(ServerError) -> SocketAddress {
    guard let socketAddress = address.socketAddress else {
      throw .notAnAddress("\(address)")
    }
    return socketAddress
  }

  private static let backlog: Int32 = 4096
  /// Whoever can connect to the admin listener is an operator: the gateway's user and group may, whatever the umask is.
  private static let adminModeMax: UInt32 = 0o660

  // MARK: Handing over

  /// What an earlier process had is this one's now; what no listener names is closed.
  public mutating func takeOver() {
    for socket in all + unused { socket.ownPath() }
    unused = []
  }

  /// Another process has them now.
  public mutating func leave() {
    for socket in all { socket.leavePath() }
    release()
  }

  /// The loops alone have them from now on: they close when those end accepting.
  public mutating func release() {
    all = []
    unused = []
    shares = []
    adminShares = []
  }
}

/// Why the server cannot start.
public enum ServerError: Error, CustomStringConvertible {
  case listening(String, SystemError)
  /// The system has no such address: a path that is too long for it.
  case notAnAddress(String)
  /// Sockets that the service manager passes, and no listener is for.
  case unnamed([String])
  case loop(SystemError)

  /// In words, for the operator who starts the gateway.
  public var description: String {
    switch self {
    case .listening(let address, let error): "cannot listen on \(address): \(error)"
    case .notAnAddress(let address): "cannot listen on \(address): the system has no such address"
    case .unnamed(let addresses):
      "the socket unit passes \(addresses.joined(separator: ", ")), which no listener has: clients that connect there would "
        + "wait forever; add it to `listeners`, or remove it from the unit"
    case .loop(let error): "\(error)"
    }
  }
}

extension ListenAddress {
  var isUnix: Bool {
    if case .unix = self { return true }
    return false
  }

  var socketAddress: SocketAddress? {
    switch self {
    case .ipv4(let literal, let port): SocketAddress(ipv4: literal, port: port)
    case .ipv6(let literal, let port): SocketAddress(ipv6: literal, port: port)
    case .unix(let path): SocketAddress(unix: path)
    }
  }

  func with(port: UInt16) -> ListenAddress {
    switch self {
    case .ipv4(let literal, _): .ipv4(literal, port: port)
    case .ipv6(let literal, _): .ipv6(literal, port: port)
    case .unix: self
    }
  }
}
