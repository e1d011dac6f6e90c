public import HTTP
import JSON
import Reason
import Telemetry

/// Answers everything that the admin listener has. Who can reach that listener is an operator.
public final class AdminPaths: Responder, Sendable {
  /// Whether a report needs the counters of the loops that carry traffic, which have to be asked; `left` leaves them
  /// empty.
  public enum Traffic: Sendable { case included, left }
  /// Collects a report, and calls back once it is complete, from anywhere.
  public typealias Collect = @Sendable (Traffic, @escaping @Sendable (AdminReport) -> Void) -> Void
  /// What became of a reload.
  public enum Reloaded: Sendable {
    /// The configuration is in force, with these changes. `pending` names keys of the file that wait for a restart;
    /// `canarySeconds` is how long it is on trial, nil: it is not.
    case done(String, pending: [String] = [], canarySeconds: Int64? = nil)
    /// The old configuration stays: these are all faults.
    case refused([String])
    /// It takes longer than anyone waits for the response.
    case goingOn
  }
  /// Loads the configuration again for `POST /reload`, and calls back once, from anywhere. `client` is the address of
  /// the sender for the log, empty where there is none.
  public typealias Reload =
    @Sendable (ReloadOrder, _ client: String, @escaping @Sendable (Reloaded) -> Void) -> Void
  /// Ends sign-ins or tokens for `POST /revoke`, and calls back once, from anywhere. `client` is the address of the
  /// sender for the log, empty where there is none.
  public typealias Revoke =
    @Sendable (RevocationOrder, _ client: String, @escaping @Sendable (RevocationOutcome) -> Void) -> Void

  private let hosts: [String]
  private let isPublic: Bool
  private let collect: Collect
  private let reload: Reload
  private let revoke: Revoke

  /// Answers with what these functions say.
  ///
  /// - Parameters:
  ///   - hosts: Names, in lower case, that it answers to besides `localhost` and IP addresses.
  ///   - isPublic: Whether nothing may be changed, and nothing private shown.
  ///   - collect: Called for each report that is shown.
  ///   - reload: Called for `POST /reload`, unless `isPublic`.
  ///   - revoke: Called for `POST /revoke`, unless `isPublic`.
  public init(
    hosts: [String], isPublic: Bool, collect: @escaping Collect, reload: @escaping Reload, revoke: @escaping Revoke
  ) {
    self.hosts = hosts
    self.isPublic = isPublic
    self.collect = collect
    self.reload = reload
    self.revoke = revoke
  }

  /// Answers with a page, or does what a POST asks for. Refuses hosts that are not its own, and POSTs that pages of
  /// other sites cause.
  public func respond(to request: LocalRequest, completion: @escaping @Sendable (LocalResponse) -> Void) {
    guard isHostGood(request.host) else {
      return completion(
        AdminPaths.text(421, "this name is not in admin.hosts\n", reason: .hostNotCovered))
    }
    switch request.path {
    case "/reload": return reload(request, completion)
    case "/revoke": return revoke(request, completion)
    default: break
    }
    guard request.method == "GET" || request.method == "HEAD" else {
      return completion(
        AdminPaths.text(405, "GET alone\n", fields: [("Allow", "GET, HEAD")], reason: .methodRefused))
    }
    guard let page = Page(rawValue: request.path) else { return other(request, completion) }
    switch page {
    case .live: completion(AdminPaths.text(200, "live\n"))
    case .ready:
      collect(.left) { report in
        let isReady = report.readiness == .ready
        completion(AdminPaths.text(isReady ? 200 : 503, report.readiness.text + "\n"))
      }
    case .metrics:
      collect(.included) { [isPublic] collected in
        var report = collected
        if isPublic { report.hideWhatIsPrivate() }
        completion(AdminPaths.answer(200, PrometheusText.mediaType, report.metrics()))
      }
    case .start, .status:
      let accept = request.fields.first { $0.name.lowercased() == "accept" }?.value ?? []
      let prefersHTML = ProblemBody.prefersHTML(accept: accept.span, ByteRange(0, accept.count))
      collect(.included) { [isPublic] collected in
        var report = collected
        if isPublic { report.hideWhatIsPrivate() }
        completion(
          prefersHTML
            ? AdminPaths.answer(200, "text/html; charset=utf-8", [UInt8](StatusPage(report: report).html.utf8))
            : AdminPaths.answer(200, "application/json", report.document().serialized() + [UInt8(ascii: "\n")]))
      }
    case .configuration:
      guard !isPublic else {
        return completion(
          AdminPaths.text(403, "admin.public: the configuration is not shown here\n", reason: .clientRefused))
      }
      collect(.left) { report in
        completion(
          AdminPaths.json(
            200,
            [
              "file": .string(report.file), "generation": .integer(Int64(clamping: report.generation)),
              "pending": .array(report.reload.pending.map { .string($0) }),
              "configuration": report.configuration.json,
            ]))
      }
    }
  }

  /// What may be read that is always there.
  private enum Page: String, CaseIterable {
    case live = "/health/live"
    case ready = "/health/ready"
    case metrics = "/metrics"
    case start = "/"
    case status = "/status"
    case configuration = "/config"
  }

  /// The paths of all pages, and those of `/requests/ID` for these ids.
  public static func paths(requestIDs: [String]) -> [String] {
    Page.allCases.map(\.rawValue) + requestIDs.map { refusals + $0 }
  }

  private static let refusals = "/requests/"

  private func other(_ request: LocalRequest, _ completion: @escaping @Sendable (LocalResponse) -> Void) {
    guard request.path.hasPrefix(AdminPaths.refusals) else {
      return completion(AdminPaths.text(404, "there is nothing here; see /status\n", reason: .noRoute))
    }
    let id = String(request.path.dropFirst(AdminPaths.refusals.count))
    collect(.included) { [isPublic] collected in
      var report = collected
      if isPublic { report.hideWhatIsPrivate() }
      completion(
        report.refusal(ofRequest: id).map { AdminPaths.json(200, $0) }
          ?? AdminPaths.json(404, report.memory))
    }
  }

  /// Whether something may be changed by it; else it is answered.
  private func mayChange(_ request: LocalRequest, _ completion: (LocalResponse) -> Void) -> Bool {
    if request.method != "POST" {
      completion(AdminPaths.text(405, "POST alone\n", fields: [("Allow", "POST")], reason: .methodRefused))
    } else if isPublic {
      completion(AdminPaths.text(403, "admin.public: nothing can be changed here\n", reason: .clientRefused))
    } else if request.origin == .foreign || !AdminPaths.isOwnOrNoPage(request) {
      // Any page that a browser of this machine shows could have it send this.
      completion(AdminPaths.text(403, "the page belongs to another site\n", reason: .csrfRefused))
    } else {
      return true
    }
    return false
  }

  private func revoke(_ request: LocalRequest, _ completion: @escaping @Sendable (LocalResponse) -> Void) {
    guard mayChange(request, completion) else { return }
    let order: RevocationOrder
    do throws(RevocationOrderFault) {
      order = try RevocationOrder(request.body.span)
    } catch {
      return completion(AdminPaths.json(400, ["result": .string("refused"), "why": .string(error.why)]))
    }
    revoke(order, request.client?.text ?? "") { outcome in
      let (status, members): (Int, JSONObject) =
        switch outcome {
        case .ended([]): (404, ["result": .string("none"), "why": .string("there is no such active sign-in")])
        case .nothing(let why): (404, ["result": .string("none"), "why": .string(why)])
        case .revoked: (200, ["result": .string("revoked")])
        case .ended(let ids): (200, ["result": .string("ended"), "sign_ins": .array(ids.map { .string($0) })])
        case .refused(let why): (422, ["result": .string("refused"), "why": .string(why)])
        case .failed(let why): (503, ["result": .string("failed"), "why": .string(why)])
        }
      completion(AdminPaths.json(status, members))
    }
  }

  private func reload(_ request: LocalRequest, _ completion: @escaping @Sendable (LocalResponse) -> Void) {
    guard mayChange(request, completion) else { return }
    let order: ReloadOrder
    do throws(ReloadOrderFault) {
      order = try ReloadOrder(request.body.span)
    } catch {
      return completion(AdminPaths.json(400, ["result": .string("refused"), "why": .string(error.why)]))
    }
    reload(order, request.client?.text ?? "") { reloaded in
      let (status, members): (Int, JSONObject) =
        switch reloaded {
        case .done(let changes, let pending, let seconds):
          (200, AdminPaths.taken(changes, pending: pending, canarySeconds: seconds))
        case .refused(let faults):
          (422, ["result": .string("refused"), "faults": .array(faults.map { .string($0) })])
        case .goingOn: (202, ["result": .string("in progress; /status will show the result")])
        }
      completion(AdminPaths.json(status, members))
    }
  }

  private static func taken(_ changes: String, pending: [String], canarySeconds: Int64?) -> JSONObject {
    var members = [
      JSONObject.Member(name: "result", value: .string("reloaded")),
      JSONObject.Member(name: "changes", value: .string(changes)),
    ]
    if !pending.isEmpty {
      members.append(JSONObject.Member(name: "pending", value: .array(pending.map { .string($0) })))
    }
    if let canarySeconds {
      members.append(JSONObject.Member(name: "trial_seconds", value: .integer(canarySeconds)))
    }
    return JSONObject(members) ?? [:]
  }

  private static func isOwnOrNoPage(_ request: LocalRequest) -> Bool {
    let site = request.fields.first { $0.name.lowercased() == "sec-fetch-site" }.map {
      String(decoding: $0.value, as: UTF8.self)
    }
    return site == nil || site == "same-origin" || site == "none"
  }

  /// A name of somebody else's may lead a browser here (DNS rebinding).
  private func isHostGood(_ host: String) -> Bool {
    let host = host.lowercased()
    if host == "localhost" || hosts.contains(host) { return true }
    let bare = host.hasPrefix("[") && host.hasSuffix("]") ? String(host.dropFirst().dropLast()) : host
    let bytes = Array(bare.utf8)
    return IPAddress(bytes.span, ByteRange(0, bytes.count)) != nil
  }

  // MARK: Answers

  private static func text(
    _ status: Int, _ text: String, fields: [(name: String, value: String)] = [], reason: Reason? = nil
  ) -> LocalResponse {
    var response = answer(status, "text/plain; charset=utf-8", [UInt8](text.utf8))
    response.fields += fields
    response.reason = reason
    return response
  }

  private static func json(_ status: Int, _ object: JSONObject) -> LocalResponse {
    answer(status, "application/json", JSONValue.object(object).serialized() + [UInt8(ascii: "\n")])
  }

  private static func answer(_ status: Int, _ mediaType: String, _ body: [UInt8]) -> LocalResponse {
    LocalResponse(
      status: status,
      fields: [
        ("Content-Type", mediaType), ("Cache-Control", "no-store"), ("X-Content-Type-Options", "nosniff"),
        ("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"),
      ], body: body)
  }
}
