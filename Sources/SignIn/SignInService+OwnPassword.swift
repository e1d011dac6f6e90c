import Configuration
import Crypto
import HTTP
import JSON
import Reason
import Sockets
import State
import Tokens

/// What comes of changing a password.
enum PasswordChange: Sendable {
  /// Whether their other sign-ins are ended: where they could not be, each is refused at its next refresh.
  case changed(othersEnded: Bool)
  /// No password may be like the new one.
  case refused
  /// The current one is another, or was changed meanwhile.
  case wrongPassword
  /// Seconds until the next try has a chance.
  case throttled(Int64)
  case busy
  /// Where sign-ins are kept did not answer, and nothing is changed.
  case unavailable
  case failed
}

/// People change their own passwords.
extension SignInService {
  func changePassword(_ request: LocalRequest, _ completion: @escaping Completion) {
    if request.mediaType == .form { return changePasswordByForm(request, completion) }
    // Any Authorization stands for a request that no other site's page has sent, and the cookies do not count beside it.
    guard request.hasField("authorization") else {
      guard request.isOfOwnPage else {
        return completion(
          EndpointResponses.notOfOwnPage(request, instead: "a program sends a token in Authorization"))
      }
      return findCookieHolder(request, renews: request.isRenewable) { [self] result in
        switch result {
        case .success(let holder):
          changePassword(of: holder.token, request) { completion($0.setting(holder.cookies)) }
        case .failure(.signedOut(let fault?)): completion(answer(fault))
        case .failure(.signedOut(nil)): completion(SignInService.signInFirst)
        case .failure(.unknown(let fault)): completion(answerJSON(fault))
        }
      }
    }
    guard let token = request.bearerToken else { return completion(SignInService.signInFirst) }
    switch verify(token) {
    case .success(let verified): changePassword(of: verified, request, completion)
    case .failure(let fault): completion(answer(fault))
    }
  }

  private static var signInFirst: LocalResponse {
    EndpointResponses.error(.invalidToken, "sign in first", .credentialMissing)
  }

  private func changePassword(
    of token: VerifiedToken, _ request: LocalRequest, _ completion: @escaping Completion
  ) {
    guard let user = token.subject.flatMap({ state.users.user(id: $0) }) else {
      return completion(SignInService.signInFirst)
    }
    let completion: Completion = { [self] in completion(answer($0, to: user.id)) }
    guard let object = request.json(["current_password", "new_password"]),
      let current = object["current_password"]?.string, let new = object["new_password"]?.string
    else {
      return completion(
        EndpointResponses.notTaken(request, members: "current_password and new_password, both strings"))
    }
    changePassword(
      of: user, from: [UInt8](current.utf8), to: [UInt8](new.utf8), keeping: Target(token).signIn, request
    ) { [self] in completion(answerJSON($0)) }
  }

  private func answerJSON(_ outcome: PasswordChange) -> LocalResponse {
    switch outcome {
    case .changed: EndpointResponses.done()
    case .refused:
      EndpointResponses.error(
        .invalidRequest, "the new password must have at least 8 characters, and at most 511 bytes",
        .passwordRefused)
    case .wrongPassword: answerJSON(Authentication.failed)
    case .throttled(let seconds): answerJSON(Authentication.throttled(seconds))
    case .busy: EndpointResponses.busy
    case .unavailable: SignInService.unavailable
    case .failed: EndpointResponses.error(.serverError, "the password could not be changed", .internalError)
    }
  }

  typealias ChangeCompletion = @Sendable (PasswordChange) -> Void

  /// - Parameters:
  ///   - signIn: The one that goes on; nil: none does.
  ///   - completion: Called once, from anywhere.
  func changePassword(
    of user: User, from current: [UInt8], to new: [UInt8], keeping signIn: String?, _ request: LocalRequest,
    _ completion: @escaping ChangeCompletion
  ) {
    guard PasswordHash.isLongEnough(new.span), PasswordHash.passwordBytes.contains(new.count), !new.contains(0)
    else { return completion(.refused) }
    authenticate(user.username, current, request) { [self] outcome in
      switch outcome {
      case .user(let user):
        replacePassword(of: user, new, keeping: signIn, request, completion)
      case .failed: completion(.wrongPassword)
      case .throttled(let seconds): completion(.throttled(seconds))
      case .busy: completion(.busy)
      }
    }
  }

  /// The store is asked first: while it cannot be written, nothing is changed. From then on the sign-in that is kept goes
  /// on with either password, whatever fails.
  private func replacePassword(
    of user: User, _ password: [UInt8], keeping signIn: String?, _ request: LocalRequest,
    _ completion: @escaping ChangeCompletion
  ) {
    work(for: request, completion) { [self] in
      do throws(PasswordHashError) {
        let hash = try PasswordHash.make(password.span)
        let digest = try PasswordHash(stored: hash).digest
        state.store.intendPassword(
          id: signIn ?? "", provider: provider, digest: digest, now: now, deadline: request.deadline
        ) { [self] result in
          onQueue { [self] in
            switch result {
            case .success(true):
              write(hash, of: user, digest: digest, keeping: signIn, request, completion)
            case .success(false): completion(.busy)
            case .failure(let fault):
              storeFailed(fault)
              completion(.unavailable)
            }
          }
        }
      } catch {
        notChanged(user, why: "\(error)", request, completion)
      }
    }
  }

  private func write(
    _ hash: String, of user: User, digest: [UInt8], keeping signIn: String?, _ request: LocalRequest,
    _ completion: @escaping ChangeCompletion
  ) {
    work(for: request, completion) { [self] in
      switch SignInService.write(hash, of: user, to: configuration.users.path) {
      case .done: break
      case .superseded: return completion(.wrongPassword)
      case .failed(let why): return notChanged(user, why: why, request, completion)
      }
      // What is in force from here on, too.
      takeWrittenUsers()
      report(.passwordChanged(username: user.username, address: request.clientAddress))
      // Whoever knew the old password is out; who has changed it goes on.
      endOthers(of: user.id, than: signIn, digest: digest) { completion(.changed(othersEnded: $0)) }
    }
  }

  /// Does what takes its time where passwords are checked; not once nobody waits for it any more.
  private func work(
    for request: LocalRequest, _ completion: @escaping ChangeCompletion, _ body: @escaping @Sendable () -> Void
  ) {
    let deadline = request.deadline
    let busy = { @Sendable in completion(.busy) }
    let isTaken = passwords.submit(for: request.client) { turn in
      if turn == .inTime, ContinuousClock.now < deadline { body() } else { busy() }
    }
    if !isTaken { busy() }
  }

  private func notChanged(_ user: User, why: String, _ request: LocalRequest, _ completion: ChangeCompletion) {
    report(.passwordNotChanged(username: user.username, why: why, address: request.clientAddress))
    completion(.failed)
  }

  private enum Written {
    case done
    /// Somebody has changed the password since it was compared.
    case superseded
    /// Why.
    case failed(String)
  }

  /// Blocks.
  private static func write(_ hash: String, of user: User, to path: String) -> Written {
    do throws(SystemError) {
      return try FileAccess.withLock(onFolder: FileAccess.folder(of: path)) { () throws(SystemError) in
        let (bytes, _) = try FileAccess.readWithStatus(path, bytesMax: usersBytesMax)
        var text: UsersFileText
        let users: UsersFile
        do throws(Diagnostics) {
          text = try UsersFileText(bytes, path: path)
          users = try UsersFile.parse(bytes, file: path).get()
        } catch {
          return .failed(error.list.first?.description ?? path)
        }
        // Two may come with the same password at once, here and at another gateway: the first has changed it.
        guard let current = users.user(id: user.id),
          ConstantTime.areEqual(current.passwordHash.digest.span, user.passwordHash.digest.span)
        else { return .superseded }
        do throws(UsersEditFault) {
          try text.setPasswordHash(hash, of: user.username)
        } catch {
          return .failed("\(error)")
        }
        try FileAccess.replaceContent(of: path, text.bytes)
        return .done
      }
    } catch {
      return .failed("\(error)")
    }
  }

  private static let usersBytesMax = 4 << 20
}
