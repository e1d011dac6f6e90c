import Configuration
import Crypto
import HTTP
import JSON
import Reason
import Sockets
import State
import Tokens

/// People change their own passwords.
extension SignInService {
  func changePassword(_ request: LocalRequest, _ completion: @escaping Completion) {
    guard request.hasField("authorization") || request.isOfOwnPage else {
      return completion(Answers.error(.accessDenied, "the page is of another site", .csrfRefused))
    }
    guard let token = token(of: request), case .success(let verified) = verify(token), let subject = verified.subject,
      let user = state.users.user(id: subject)
    else { return completion(Answers.error(.invalidToken, "sign in first", .credentialMissing)) }
    guard let object = request.json(["current_password", "new_password"]),
      let current = object["current_password"]?.string, let new = object["new_password"]?.string
    else {
      return completion(
        Answers.error(
          .invalidRequest, "an object with current_password and new_password is needed", .signInRequestInvalid))
    }
    let bytes = [UInt8](new.utf8)
    guard PasswordHash.isLongEnough(bytes.span), PasswordHash.passwordBytes.contains(bytes.count), !bytes.contains(0)
    else {
      return completion(
        Answers.error(
          .invalidRequest, "the new password has to have 8 characters at least, and 511 bytes at most",
          .passwordRefused))
    }
    let signIn = Target(verified).signIn
    authenticate(user.username, [UInt8](current.utf8), request) { [self] outcome in
      switch outcome {
      case .user(let user): replacePassword(of: user, bytes, keeping: signIn, completion)
      case .failed, .throttled, .busy: completion(answerJSON(outcome))
      }
    }
  }

  private func replacePassword(
    of user: User, _ password: [UInt8], keeping signIn: String?, _ completion: @escaping Completion
  ) {
    let path = configuration.users.path
    let busy = { @Sendable [self] in completion(answerJSON(.busy)) }
    let isTaken = passwords.submit { [self] turn in
      guard turn == .inTime else { return busy() }
      let fault = SignInService.write(password, of: user.username, to: path)
      // What is in force from here on, too.
      if fault == nil { lookAtUsers(allowsDemo: state.users.isDemo) }
      onQueue { [self] in
        if let fault {
          report(.passwordNotChanged(username: user.username, why: fault))
          return completion(Answers.error(.serverError, "the password could not be changed", .internalError))
        }
        report(.passwordChanged(username: user.username))
        // Whoever knew the old password is out; who has changed it goes on.
        guard let changed = state.users.user(id: user.id) else { return completion(Answers.done()) }
        endOthers(of: changed, than: signIn) { completion($0 ? Answers.done() : SignInService.unavailable) }
      }
    }
    if !isTaken { busy() }
  }

  /// Blocks.
  ///
  /// - Returns: Why it was not done; nil: it was.
  private static func write(_ password: [UInt8], of username: String, to path: String) -> String? {
    do throws(SystemError) {
      let hash: String
      do throws(PasswordHashError) { hash = try PasswordHash.make(password.span) } catch { return "\(error)" }
      return try FileAccess.withLock(onFolder: FileAccess.folder(of: path)) { () throws(SystemError) in
        let (bytes, _) = try FileAccess.readWithStatus(path, bytesMax: usersBytesMax)
        guard var text = try? UsersFileText(bytes, path: path) else { return "\(path) cannot be used" }
        do throws(UsersEditFault) { try text.setPasswordHash(hash, of: username) } catch { return "\(error)" }
        try FileAccess.replaceContent(of: path, text.bytes)
        return nil
      }
    } catch {
      return "\(error)"
    }
  }

  private static let usersBytesMax = 4 << 20
}
