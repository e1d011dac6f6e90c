import Admin
import Configuration
import Proxy
import Sockets
import TLS

/// The files that listeners and upstreams name for TLS, read and checked.
struct TLSFiles {
  /// By listener; nil: it speaks in clear.
  private(set) var listeners: [TLSContext.Settings?] = []
  private(set) var upstreams: [UpstreamDefinition] = []
  /// What should be mended soon, and keeps nothing from starting.
  private(set) var warnings: [Diagnostic] = []
  /// Those that are shown to clients and to upstreams.
  private(set) var certificates: [AdminReport.Certificate] = []

  private var faults: [Diagnostic] = []
  private let configuration: GatewayConfiguration
  /// Read once, where an upstream asks for it.
  private var systemAuthorities: ServerAuthorities?

  /// Far more than a bundle of all authorities there are.
  private static let fileBytesMax = 4 << 20

  /// - Parameter kept: What is spoken by listeners that the file has no more, and that stay until a restart: their files
  ///   may be gone.
  /// - Throws: All that is wrong with them.
  init(
    _ configuration: GatewayConfiguration, keeping kept: [ListenAddress: TLSContext.Settings] = [:]
  ) throws(Diagnostics) {
    self.configuration = configuration
    for listener in configuration.listeners {
      listeners.append(kept[listener.address] ?? listener.tls.flatMap { read($0, of: listener) })
    }
    for upstream in configuration.upstreams {
      upstreams.append(UpstreamDefinition(upstream, tls: upstream.isSecured ? read(upstream.tls) : nil))
    }
    if !faults.isEmpty { throw Diagnostics(faults) }
  }

  private mutating func read(
    _ tls: ListenerTLSConfiguration, of listener: ListenerConfiguration
  ) -> TLSContext.Settings? {
    let certificates = tls.certificates.compactMap { read($0) }
    var clients: TLSContext.Clients?
    if let configured = tls.clients, let authorities = authorities(configured.authorities) {
      clients = TLSContext.Clients(authorities: authorities, areRequired: configured.areRequired)
    }
    guard faults.isEmpty else { return nil }
    return TLSContext.Settings(
      certificates: certificates, clients: clients, minimum: tls.minimum == .tls13 ? .tls13 : .tls12,
      name: "\(listener.address)")
  }

  private mutating func read(_ files: ListenerTLSConfiguration.Certificate) -> ServerCertificate? {
    guard let chain = bytes(files.chain), let key = bytes(files.key) else { return nil }
    var staple: [UInt8]?
    if let file = files.staple {
      guard let bytes = bytes(file) else { return nil }
      staple = bytes
    }
    do throws(TLSFault) {
      let certificate = try ServerCertificate(chainPEM: chain, keyPEM: key, staple: staple)
      note(certificate.validity, certificate.dates, of: files.chain, refusedBy: "clients refuse it")
      if let file = files.staple, certificate.staple?.isCurrent == false {
        warnings.append(configuration.diagnostic(file, "is out of date (nextUpdate); it is not stapled"))
      }
      return certificate
    } catch {
      switch error {
      case .stapleInvalid:
        report(files.staple ?? files.chain, "contains no OCSP response in DER, or one without a result")
      case .stapleForeign:
        report(files.staple ?? files.chain, "is for certificates other than the one in \(files.chain.path)")
      case .noNames:
        report(files.chain, "is not valid for any host: no subject alternative name is a DNS name or an IP address")
      default: report(error, chain: files.chain, key: files.key)
      }
      return nil
    }
  }

  private mutating func authorities(_ file: NamedFile) -> ClientAuthorities? {
    guard let bytes = bytes(file) else { return nil }
    do throws(TLSFault) {
      return try ClientAuthorities(pem: bytes)
    } catch {
      reportAuthorities(error, file)
      return nil
    }
  }

  // MARK: Upstreams

  private mutating func read(_ tls: UpstreamTLSConfiguration) -> TLSClientContext.Settings? {
    let authorities = tls.authorities.map { serverAuthorities($0) } ?? theSystems()
    var certificate: CertifiedKey?
    if let files = tls.certificate { certificate = read(files) }
    guard let authorities, faults.isEmpty else { return nil }
    return TLSClientContext.Settings(authorities: authorities, certificate: certificate)
  }

  private mutating func read(_ files: UpstreamTLSConfiguration.Certificate) -> CertifiedKey? {
    guard let chain = bytes(files.chain), let key = bytes(files.key) else { return nil }
    do throws(TLSFault) {
      let certificate = try CertifiedKey(chainPEM: chain, keyPEM: key)
      note(certificate.validity, certificate.dates, of: files.chain, refusedBy: "servers refuse it")
      return certificate
    } catch {
      report(error, chain: files.chain, key: files.key)
      return nil
    }
  }

  private mutating func serverAuthorities(_ file: NamedFile) -> ServerAuthorities? {
    guard let bytes = bytes(file) else { return nil }
    do throws(TLSFault) {
      return try ServerAuthorities(pem: bytes)
    } catch {
      reportAuthorities(error, file)
      return nil
    }
  }

  private mutating func theSystems() -> ServerAuthorities? {
    if let systemAuthorities { return systemAuthorities }
    do throws(TLSFault) {
      let authorities = try ServerAuthorities()
      systemAuthorities = authorities
      if authorities.isEmpty {
        warnings.append(
          configuration.diagnostic("the system has no CA certificates: servers without tls.ca are refused"))
      }
    } catch {
      faults.append(configuration.diagnostic("the system's CA certificates cannot be read: \(error)"))
    }
    return systemAuthorities
  }

  // MARK: What is wrong

  private mutating func note(
    _ validity: CertifiedKey.Validity, _ dates: Range<Int64>, of file: NamedFile, refusedBy refusal: String
  ) {
    if !certificates.contains(where: { $0.file == file.path }) {
      certificates.append(AdminReport.Certificate(file: file.path, expiresAtSeconds: Double(dates.upperBound)))
    }
    switch validity {
    case .valid:
      // Whatever renews it, at a third as is usual, has had its time.
      guard WallClock.seconds > dates.upperBound - Int64(dates.count) / 6 else { break }
      let end = TimeText.text(dates.upperBound)
      warnings.append(
        configuration.diagnostic(file, "expires at \(end), and five sixths of its lifetime are over: renew it"))
    case .expired: warnings.append(configuration.diagnostic(file, "has expired; \(refusal)"))
    case .notYetValid: warnings.append(configuration.diagnostic(file, "is not valid yet; \(refusal)"))
    }
  }

  private mutating func report(_ fault: TLSFault, chain: NamedFile, key: NamedFile) {
    switch fault {
    case .noKey: report(key, "contains no private key in PEM, or one that is encrypted")
    case .keyMismatch: report(key, "is not the key of the certificate in \(chain.path)")
    case .noCertificate: report(chain, "contains no certificate in PEM")
    case .chainInvalid: report(chain, "contains a certificate that cannot be read")
    case .tooWeak: report(chain, "is too weak: RSA keys need 2048 bits, and SHA-1 signatures are not accepted")
    case .stapleInvalid, .stapleForeign, .noNames: report(chain, "cannot be used")
    case .failed(let call): report(chain, "cannot be used: \(call) failed")
    }
  }

  private mutating func reportAuthorities(_ fault: TLSFault, _ file: NamedFile) {
    switch fault {
    case .chainInvalid: report(file, "contains a certificate that cannot be read")
    default: report(file, "contains no certificate in PEM")
    }
  }

  private mutating func bytes(_ file: NamedFile) -> [UInt8]? {
    do throws(SystemError) {
      return try FileAccess.read(file.path, bytesMax: TLSFiles.fileBytesMax).bytes
    } catch {
      report(file, "cannot be read: \(error)", mayPass: error.mayPass)
      return nil
    }
  }

  private mutating func report(_ file: NamedFile, _ message: String, mayPass: Bool = false) {
    var fault = configuration.diagnostic(file, message)
    fault.mayPass = mayPass
    faults.append(fault)
  }
}
