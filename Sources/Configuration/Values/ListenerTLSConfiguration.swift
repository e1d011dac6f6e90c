/// How a listener speaks TLS.
public struct ListenerTLSConfiguration: Sendable, Hashable {
  /// At least one. The first is presented to a client that names no host, or one that none of them is for.
  public var certificates: [Certificate]
  /// How clients are asked for a certificate; nil: they are not.
  public var clients: Clients?
  /// The oldest version of TLS that is accepted.
  public var minimum: Minimum
  /// For how long browsers are told to use TLS alone (RFC 6797); nil: they are told nothing.
  public var strictTransport: Duration?

  /// The files of one certificate.
  public struct Certificate: Sendable, Hashable {
    /// PEM: the certificate, then those that lead to an authority that clients trust.
    public var chain: NamedFile
    /// PEM, for its owner's eyes alone.
    public var key: NamedFile
    /// An OCSP response in DER that is stapled.
    public var staple: NamedFile?
  }

  /// Which certificates of clients are accepted.
  public struct Clients: Sendable, Hashable {
    /// PEM: the authorities that clients' certificates must come from.
    public var authorities: NamedFile
    /// Whether a client without a certificate is refused.
    public var areRequired: Bool
  }

  /// The oldest version that is spoken.
  public enum Minimum: Sendable, Hashable { case tls12, tls13 }
}

/// A file that `gateway.conf` names, and where it does. Equal to one of the same path: the position does not count.
public struct NamedFile: Sendable, Hashable {
  /// Resolved against the folder of `gateway.conf`.
  public let path: String
  /// nil: no text names it.
  let position: Position?

  /// A file that no `gateway.conf` names.
  public init(path: String) {
    self.path = path
    position = nil
  }

  init(_ file: Located<String>) {
    path = file.value
    position = file.position
  }

  /// Whether both have the same path.
  public static func == (left: NamedFile, right: NamedFile) -> Bool { left.path == right.path }

  /// Hashes the path alone, as `==` compares it.
  public func hash(into hasher: inout Hasher) { hasher.combine(path) }
}

extension GatewayConfiguration {
  /// What is said of a file that this configuration names: `gateway.conf:4:5: a.pem …`.
  public func diagnostic(_ file: NamedFile, _ message: String) -> Diagnostic {
    Diagnostic(file: self.file, position: file.position, message: "\(file.path) \(message)")
  }

  /// What is said of what a file that this configuration names is for: `gateway.conf:4:5: provider "a": …`.
  ///
  /// - Parameter message: Names the file itself.
  public func diagnostic(at file: NamedFile, _ message: String) -> Diagnostic {
    Diagnostic(file: self.file, position: file.position, message: message)
  }

  /// What is said of this configuration as a whole.
  public func diagnostic(_ message: String) -> Diagnostic {
    Diagnostic(file: file, position: nil, message: message)
  }
}
