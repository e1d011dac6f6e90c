internal import Glibc

/// Who reads a configuration.
public enum ConfigurationReader: Sendable {
  /// The gateway, with whose rights its files are judged.
  case gateway
  /// A command beside it. As root it judges files with the rights of the user that the gateway runs as.
  case command
}

extension GatewayDraft {
  /// Whom the gateway's own files belong to, where a command that root runs reads them and that is not root; nil: it is
  /// the user that this process runs as, as far as is known.
  ///
  /// That is the owner of the first state folder, which the gateway makes; where there is none yet, of the folder in which
  /// it would be made. Never the owner of a file that is to be judged, which would vouch for itself.
  func gatewayOwner(for reader: ConfigurationReader) -> FileSystem.Status.Owner? {
    guard case .command = reader, geteuid() == 0 else { return nil }
    let folders = providers.flatMap { named in
      [named.body.value.signing?.value.state?.value, named.body.value.codeFlow?.value.state?.value].compactMap(\.self)
    }
    let parents = folders.map { folder in
      folder.lastIndex(of: "/").map { $0 == folder.startIndex ? "/" : String(folder[..<$0]) } ?? "."
    }
    for path in folders + parents {
      guard let status = try? FileSystem.status(path) else { continue }
      return status.owner.user == 0 ? nil : status.owner
    }
    return nil
  }
}
