import Configuration

/// As a proxy that forwards requests itself, and asks the gateway about each (`forward_auth`).
extension ProbeRun {
  mutating func ask(about route: ProbedRoute, _ sender: ProbedRoute.Sender) throws {
    // The connection, and its certificate, are the proxy's.
    guard let path = configuration.forwardAuth?.path, !sender.showsCertificate else { return }
    // Tokens in handshakes are refused there: the application would get them.
    let places = sender.places.filter { $0 != .webSocketProtocol }
    guard sender.provider == nil || !places.isEmpty else { return }
    way = clear
    let sent = try sender.provider.map { provider in try places.map { try credential(of: provider, in: $0) } } ?? []
    var forged = ForgedRequest(
      method: route.method, isSecure: false, host: route.host, path: route.path, askedAt: path)
    if let first = sent.first { forged.send(first.credential) }
    let sentBy = route.senders.count == 1 ? "" : ", as \(sender.name)"
    let name = "\(route.route.name)\(sentBy) (forward_auth)"
    let fault = fault(ofQuestion: forged)
    report.routes.append(ProbeReport.Route(name: name, alike: route.alike, fault: fault))
    guard fault == nil else { return }
    for field in route.askedNames { ask(fieldTricks.ofFields, with: field, name, forged) }
    for field in route.askedListedNames { ask(fieldTricks.ofListedFields, with: field, name, forged) }
    for cookie in route.cookieNames {
      for trick in CookieTrick.all {
        ask("Cookie \(cookie)", trick.name, name) {
          trick.request(forged, cookie, $0)
        } isArrival: {
          $0.shows($1)
        }
      }
    }
    guard route.route.token == .remove else { return }
    for each in sent {
      var request = forged
      request.send(each.credential)
      ask("token", each.place, name) {
        request.bytes("X-Harmless: \($0)\r\n")
      } isArrival: { answered, _ in
        answered.shows(each.text)
      }
    }
  }

  private mutating func ask(_ tricks: [FieldTrick], with field: String, _ route: String, _ forged: ForgedRequest) {
    for trick in tricks {
      ask(field, trick.name, route) {
        trick.request(forged, field, $0)
      } isArrival: {
        $0.shows($1, as: field)
      }
    }
  }

  /// Why nothing that is asked about the route would show anything: a harmless request has to pass.
  private mutating func fault(ofQuestion request: ForgedRequest) -> String? {
    let value = begin(Attempt(result: nil) { _ in false })
    let verdict = verdict(of: send(request.bytes("X-Harmless: \(value)\r\n")), isQuestion: true)
    if verdict == .stripped { return nil }
    return "\(request.method) \(request.host)\(request.path) was not let pass: \(verdict.text)"
  }

  private mutating func ask(
    _ subject: String, _ trick: String, _ route: String, _ request: (String) -> [UInt8],
    isArrival: (AnsweredQuestion, String) -> Bool
  ) {
    let value = ProbeRun.value(attempts.count)
    // The gateway forwards nothing that it is asked about.
    _ = begin(Attempt(result: report.results.count) { $0.shows(value) })
    report.results.append(
      ProbeReport.Result(subject: subject, trick: trick, verdict: .unknown("not answered yet"), route: route))
    let place = report.results.count - 1
    let bytes = request(value)
    let outcome = send(bytes)
    guard report.results[place].verdict != .arrived else { return }
    let isArrived = isArrival(AnsweredQuestion(request: bytes, response: outcome.response ?? []), value)
    report.results[place].verdict = isArrived ? .arrived : verdict(of: outcome, isQuestion: true)
  }
}
