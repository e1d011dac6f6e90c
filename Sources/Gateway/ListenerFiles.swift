import Configuration
import Proxy
import Sockets
import TLS

/// The files that listeners name for TLS, read and checked.
struct ListenerFiles {
  /// By listener; nil: it speaks in clear.
  private(set) var settings: [TLSContext.Settings?] = []
  /// What should be mended soon, and keeps nothing from starting.
  private(set) var warnings: [Diagnostic] = []

  private var faults: [Diagnostic] = []
  private let configuration: GatewayConfiguration

  /// Far more than a bundle of all authorities there are.
  private static let fileBytesMax = 4 << 20

  /// - Throws: All that is wrong with them.
  init(_ configuration: GatewayConfiguration) throws(Diagnostics) {
    self.configuration = configuration
    for listener in configuration.listeners {
      settings.append(listener.tls.flatMap { read($0, of: listener) })
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
      switch certificate.validity {
      case .valid: break
      case .expired: warnings.append(configuration.diagnostic(files.chain, "has expired; clients refuse it"))
      case .notYetValid: warnings.append(configuration.diagnostic(files.chain, "is not valid yet; clients refuse it"))
      }
      return certificate
    } catch {
      switch error {
      case .noKey: report(files.key, "holds no private key in PEM, or one that is encrypted")
      case .keyMismatch: report(files.key, "is not the key of the certificate in \(files.chain.path)")
      case .stapleInvalid:
        report(files.staple ?? files.chain, "holds no OCSP response in DER, or one that says nothing")
      case .noCertificate: report(files.chain, "holds no certificate in PEM")
      case .chainInvalid: report(files.chain, "holds a certificate that cannot be read")
      case .tooWeak: report(files.chain, "is too weak: RSA keys need 2048 bits, and SHA-1 signs nothing any more")
      case .noNames: report(files.chain, "is for no host: no subject alternative name is a DNS name or an IP address")
      case .failed(let call): report(files.chain, "cannot be used: \(call) failed")
      }
      return nil
    }
  }

  private mutating func authorities(_ file: NamedFile) -> ClientAuthorities? {
    guard let bytes = bytes(file) else { return nil }
    do throws(TLSFault) {
      return try ClientAuthorities(pem: bytes)
    } catch {
      switch error {
      case .chainInvalid: report(file, "holds a certificate that cannot be read")
      default: report(file, "holds no certificate in PEM")
      }
      return nil
    }
  }

  private mutating func bytes(_ file: NamedFile) -> [UInt8]? {
    do throws(SystemError) {
      return try FileAccess.read(file.path, bytesMax: ListenerFiles.fileBytesMax).bytes
    } catch {
      report(file, "cannot be read: \(error)")
      return nil
    }
  }

  private mutating func report(_ file: NamedFile, _ message: String) {
    faults.append(configuration.diagnostic(file, message))
  }
}
