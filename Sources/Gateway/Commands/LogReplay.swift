import Configuration
import HTTP
import Reason
import Sockets
import Telemetry
import Tokens

/// Decides each line of a log anew, and keeps what comes out otherwise than it did.
struct LogReplay {
  private let replay: Replay
  private let routeNames: [[UInt8]]
  private let upstreamNames: [[UInt8]]
  private(set) var flips = ReplayFlips()
  /// Why lines were not decided.
  private(set) var gaps: [Replay.Gap: ReplayFlips.Count] = [:]
  private(set) var requests = 0
  private(set) var decided = 0
  /// Requests that are let through, and would not be, were it required what their routes try.
  private(set) var unenforced = 0
  private(set) var messages = 0
  /// Lines that are none of the gateway's.
  private(set) var unreadable = 0

  // Logs say the same again and again.
  private var routed = BytesMemo<RequestEvaluator.Routed>(places: 1 << 13)
  private var claims = BytesMemo<Replay.Claims>(places: 1 << 13)

  init(_ configuration: GatewayConfiguration, enforcing: Bool) {
    replay = Replay(configuration, enforcing: enforcing)
    routeNames = configuration.routes.map { [UInt8]($0.name.utf8) }
    upstreamNames = configuration.upstreams.map { [UInt8]($0.name.utf8) }
  }

  var configuration: GatewayConfiguration { replay.evaluator.configuration }

  mutating func add(_ bytes: Span<UInt8>, _ piece: LineReader.Piece) {
    guard case .line = piece, let line = AccessLine(bytes) else {
      if piece != .part, piece != .line || !bytes.isEmpty { unreadable += 1 }
      return
    }
    if line.isMessage {
      messages += 1
      return
    }
    var reason: Reason?
    if line.has(.reason) {
      reason = line.text(.reason, in: bytes).flatMap { LogReplay.reasons[$0] }
      if reason == nil {
        unreadable += 1
        return
      }
    }
    requests += 1
    switch decide(line, bytes, reason) {
    case .undecided(let gap):
      if gaps[gap] == nil { gaps[gap] = ReplayFlips.Count(line.text(.requestID, in: bytes) ?? "") }
      gaps[gap]?.add()
    case .decided(let verdict):
      decided += 1
      keep(verdict, line, bytes, reason)
    }
  }

  private static let reasons = [String: Reason](uniqueKeysWithValues: Reason.allCases.map { ($0.rawValue, $0) })

  // MARK: Deciding

  private mutating func decide(_ line: AccessLine, _ bytes: Span<UInt8>, _ reason: Reason?) -> Replay.Outcome {
    guard line.has(.method), line.has(.host), line.has(.path) else {
      return .undecided(reason.map { .refusedBefore($0) } ?? .noRequest)
    }
    let sender: Replay.Sender
    switch self.sender(of: line, bytes, reason) {
    case .success(let known): sender = known
    case .failure(let gap): return .undecided(gap.gap)
    }
    let (method, host, path) = (line.range(.method), line.range(.host), line.range(.path))
    if LogReplay.isCut(path, bytes) || LogReplay.isCut(host, bytes) || LogReplay.isCut(method, bytes) {
      return .undecided(.cut)
    }
    let routed = routed.entry(of: bytes.extracting(LogReplay.part(method, host, path))) { [replay] in
      replay.evaluator.route(
        EvaluatedRequest(
          method: line.text(.method, in: bytes) ?? "", host: line.text(.host, in: bytes) ?? "",
          target: line.text(.path, in: bytes) ?? ""))
    }
    if !line.has(.route) {
      // On a path of its own, or to send the client elsewhere before any route was asked.
      guard let reason else { return routed.value.isAnsweredHere ? .decided(.answeredHere) : .undecided(.answeredHere) }
      // Credentials are looked at by a route, or by a path of the gateway's own. Where no route is found, the path may
      // have been its own too.
      if ReplayStage(reason) != .route || routed.value.isAnsweredHere { return .undecided(.answeredHere) }
    } else if routed.value.isAnsweredHere, replay.isAskedByProxies, !line.has(.upstream) {
      // A route decides what a proxy asks about, also where the gateway answers such a path itself; the line does not say
      // whether one has asked.
      return .undecided(.answeredHere)
    }
    let time = line.range(.time)
    let request = Replay.Request(
      sender: sender,
      client: replay.readsClients && line.has(.client) ? IPAddress(bytes, line.range(.client)) : nil,
      time: Timestamp.seconds(bytes.extracting(time.lowerBound..<time.upperBound)) ?? 0,
      wasForwarded: line.has(.upstream),
      isSubjectCut: replay.readsSubjects && line.isCut(.subject, in: bytes))
    return replay.decide(request, routed.value)
  }

  /// Where the part of a line begins and ends in which its values stand: where that is the same, they are.
  private static func part(_ first: ByteRange, _ second: ByteRange, _ third: ByteRange) -> Range<Int> {
    let start = min(first.lowerBound, second.lowerBound, third.lowerBound)
    return start..<max(first.upperBound, second.upperBound, third.upperBound)
  }

  /// Whether a value was cut: methods, hosts and paths that are decided are ASCII.
  private static func isCut(_ range: ByteRange, _ bytes: Span<UInt8>) -> Bool {
    for index in range.lowerBound..<range.upperBound where bytes[index] >= 0x80 { return true }
    return false
  }

  private struct Unknown: Error {
    let gap: Replay.Gap
  }

  private mutating func sender(
    of line: AccessLine, _ bytes: Span<UInt8>, _ reason: Reason?
  ) -> Result<Replay.Sender, Unknown> {
    // What went to an upstream was let through, whatever came of it.
    let stage = line.has(.upstream) ? ReplayStage.rule : reason.map(ReplayStage.init) ?? .rule
    switch stage {
    case .before: return .failure(Unknown(gap: reason.map { .refusedBefore($0) } ?? .noRequest))
    case .route: return .success(.unasked)
    case .credential: return .success(.anonymous)
    case .token: return .success(.refused(reason ?? .internalError, provider: line.text(.provider, in: bytes)))
    case .rule: break
    }
    guard line.has(.provider), let provider = line.text(.provider, in: bytes) else {
      return .success(line.has(.claims) ? .anonymous : .unasked)
    }
    guard line.has(.claims) else { return .success(.known(provider: provider, claims: .unlogged)) }
    let range = line.range(.claims)
    let subject = line.has(.subject) ? line.range(.subject) : range
    let entry = claims.entry(of: bytes.extracting(LogReplay.part(line.range(.provider), subject, range))) { [replay] in
      let subject = replay.readsSubjects ? line.text(.subject, in: bytes) : nil
      let set =
        line.isPlain(.claims)
        ? replay.claims(bytes.extracting(range.lowerBound..<range.upperBound), subject: subject, provider: provider)
        : line.text(.claims, in: bytes).flatMap {
          replay.claims($0.utf8Span.span, subject: subject, provider: provider)
        }
      return set.map { .logged($0) } ?? .tooLarge
    }
    return .success(.known(provider: provider, claims: entry.value))
  }

  // MARK: Comparing

  private mutating func keep(_ verdict: Replay.Verdict, _ line: AccessLine, _ bytes: Span<UInt8>, _ reason: Reason?) {
    let wasAllowed = line.has(.upstream) || reason == nil
    switch verdict {
    case .answeredHere:
      if wasAllowed, !line.has(.route) { return }
    case .refused(let now, _):
      if !wasAllowed, now == reason { return }
    case .allowed(let route, let reason):
      if reason != nil { unenforced += 1 }
      if wasAllowed, isSame(.route, line, bytes, routeNames[route]), goesOn(to: route, line, bytes) { return }
    }
    flips.add(
      ReplayFlips.Change(
        route: line.text(.route, in: bytes), was: wasAllowed ? nil : reason,
        wasUpstream: line.text(.upstream, in: bytes), becomes: verdict),
      subject: line.text(.subject, in: bytes), provider: line.text(.provider, in: bytes),
      example: line.text(.requestID, in: bytes) ?? "")
  }

  /// Whether it went where the route sends it; also where it went nowhere, as what a proxy asks about does.
  private func goesOn(to route: Int, _ line: AccessLine, _ bytes: Span<UInt8>) -> Bool {
    guard line.has(.upstream) else { return true }
    guard case .upstream(let upstream) = configuration.routes[route].destination else { return false }
    return isSame(.upstream, line, bytes, upstreamNames[upstream])
  }

  private func isSame(_ field: AccessLine.Field, _ line: AccessLine, _ bytes: Span<UInt8>, _ name: [UInt8]) -> Bool {
    guard line.isPlain(field) else { return line.text(field, in: bytes) == String(decoding: name, as: UTF8.self) }
    let range = line.range(field)
    return Bytes.areEqual(bytes.extracting(range.lowerBound..<range.upperBound), name.span)
  }
}

/// How far a request had come when it was refused.
private enum ReplayStage {
  /// Before its route, or for something that another configuration's rules have no say in.
  case before
  /// It had none.
  case route
  /// It had no credential.
  case credential
  /// Its token was refused.
  case token
  /// Its sender was known.
  case rule

  init(_ reason: Reason) {
    switch reason {
    case .noRoute: self = .route
    case .credentialMissing: self = .credential
    case .roleMissing, .scopeMissing, .permissionMissing, .claimMismatch, .ownerMismatch, .requirementUnmet,
      .requirementExcluded, .authenticationTooOld, .acrInsufficient:
      self = .rule
    case .cookieRepeated, .tokenTooLarge, .tokenMalformed, .tokenEncrypted, .tokenHeaderInvalid,
      .tokenExtensionRefused, .tokenTypeRefused, .algorithmRefused, .keyMismatch, .keyUnknown, .signatureInvalid,
      .claimsInvalid, .claimMissing, .claimMalformed, .issuerUnknown, .audienceMismatch, .tokenExpired,
      .tokenNotYetValid, .tokenIssuedInFuture, .tokenTooOld, .tokenRevoked, .tokenInactive, .proofMissing,
      .proofInvalid, .proofReplayed, .certificateMismatch, .certificateRefused, .certificateExpired,
      .certificateRevoked, .confirmationUnsupported:
      self = .token
    default: self = .before
    }
  }
}
