import Configuration
import Sockets
import State
import Tokens

/// What a gateway refuses of a provider's tokens although they verify, as it stands on the disk now: for commands that
/// say what the gateway would.
struct ProviderRevocations {
  /// Where a token is revoked.
  struct Found {
    let kind: Revocations.Kind
    let place: Place
  }

  enum Place {
    /// The file that `revocations.file` names.
    case file(String)
    /// The database of the provider's sign-ins or sessions.
    case database(String)
  }

  private let listed: RevocationFile?
  /// nil: the provider has no database, or nothing was written yet.
  private let ended: (file: String, revocations: Revocations)?

  /// - Throws: An exit status, after what is wrong was said: what cannot be read might revoke the token.
  init(_ configuration: GatewayConfiguration, of provider: ProviderConfiguration) throws {
    switch RevocationFile.open(configuration) {
    case .success(let file): listed = file
    case .failure(let diagnostics):
      for diagnostic in diagnostics.list { StandardError.print(diagnostic.description) }
      throw ExitStatus.configuration
    }
    do throws(StoreFault) {
      ended = try ProviderRevocations.ended(of: provider)
    } catch {
      StandardError.print("what sign-ins have ended cannot be read: \(error)")
      throw ExitStatus.unavailable
    }
  }

  /// Where they are looked for, as it is written for people; nil: nothing can be revoked.
  var places: String? {
    let paths = [listed?.path, ended?.file].compactMap { $0 }
    return paths.isEmpty ? nil : paths.joined(separator: " or ")
  }

  /// What revokes a token that verifies; nil: nothing does.
  func find(_ claims: ClaimsSet, keyID: String?) -> Found? {
    if let listed, let kind = listed.inForce.kind(revoking: claims, keyID: keyID) {
      return Found(kind: kind, place: .file(listed.path))
    }
    if let ended, let kind = ended.revocations.kind(revoking: claims, keyID: nil) {
      return Found(kind: kind, place: .database(ended.file))
    }
    return nil
  }

  private static func ended(of provider: ProviderConfiguration) throws(StoreFault) -> (String, Revocations)? {
    let ended = EndedSignIns { WallClock.seconds }
    let file: String
    if let path = provider.signInsFile {
      guard try SignIns.isThere(path) else { return nil }
      file = path
      ended.learn(try EndedSignIns.earlier(in: SQLiteSignInStore(path: path), of: provider.name))
    } else if let path = provider.sessionsFile {
      guard try SignIns.isThere(path) else { return nil }
      file = path
      ended.learn(try EndedSignIns.earlier(in: SQLiteSessionStore(path: path), of: provider.name))
    } else {
      return nil
    }
    return (file, ended.revocations)
  }
}

extension ProviderRevocations.Found {
  /// What has revoked the token, for people.
  var why: String {
    switch (place, kind) {
    case (.file(let path), _): "\(path) names its \"\(kind.name)\""
    case (.database(let path), .signInID): "the sign-in or session that it came from has ended (\(path))"
    case (.database(let path), _): "its \"\(kind.name)\" was revoked at the gateway (\(path))"
    }
  }
}
