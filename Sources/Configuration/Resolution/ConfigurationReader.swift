internal import Glibc

/// The program that reads a configuration.
public enum ConfigurationReader: Sendable {
  /// The gateway; files are judged with the rights of its own process.
  case gateway
  /// A command. Run by root, it judges files with the rights of the user that the gateway runs as.
  case command
}

extension GatewayDraft {
  /// The owner of the gateway's own files, if a command run by root reads the configuration and that owner is not root;
  /// nil for the user of this process, also if the owner is unknown.
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
