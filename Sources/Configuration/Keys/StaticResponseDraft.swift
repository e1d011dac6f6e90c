/// `upstreams.<name>.static` as written.
struct StaticResponseDraft: Sendable {
  var status = 200
  var contentType = "text/plain; charset=utf-8"
  var body: String?
  fileprivate var bodyFile: Located<String>?

  static let keys = KeyTable<StaticResponseDraft>(
    "What `builtin: static` answers to every request.", defaults: StaticResponseDraft(),
    keys: [
      Key("status", \.status, .count(200...599), "204, 205 and 304 have no body."),
      Key("content_type", \.contentType, .headerValue, "Of the body."),
      Key("body", ifWritten: \.body, .text("a body"), "A string of one line; or there is `body_file`, or no body."),
      Key(
        "body_file", ifWritten: \.bodyFile, ValueKind.path("the body's path").located,
        "A file of at most 1 MiB, which is read with the configuration."),
    ])
}

extension Resolver {
  /// nil where the upstream has no `builtin`, or after a report.
  mutating func resolveBuiltin(_ upstream: Decoded<UpstreamDraft>) -> UpstreamConfiguration.Kind? {
    let places = upstream.places
    if upstream.value.builtin == .fixed, places.isMissing("static") {
      report(places.value("builtin"), "builtin: static needs \"static\", which says what to answer")
    } else if upstream.value.builtin != .fixed, places.isWritten("static"), places.areSound("builtin") {
      report(places.key("static"), "\"static\" without builtin: static")
    }
    switch upstream.value.builtin {
    case .echo: return .echo
    case .fixed: return upstream.value.fixed.flatMap { resolveResponse($0) }.map { .fixed($0) }
    case nil: return nil
    }
  }

  private mutating func resolveResponse(_ response: Decoded<StaticResponseDraft>) -> StaticResponse? {
    let (draft, places) = (response.value, response.places)
    if draft.body != nil, draft.bodyFile != nil {
      report(places.key("body_file"), "\"body_file\" together with \"body\"; a response has one or the other")
    }
    if draft.body != nil || draft.bodyFile != nil, [204, 205, 304].contains(draft.status) {
      report(places.value("status"), "a response with the status \(draft.status) has no body")
    }
    var body = Array((draft.body ?? "").utf8)
    if let file = draft.bodyFile {
      do throws(FileSystem.Fault) {
        body = try FileSystem.read(file.value)
      } catch {
        report(file.position, "\(file.value): \(error.message)")
        return nil
      }
      if body.count > 1 << 20 { report(file.position, "\(file.value): larger than 1 MiB") }
    }
    return StaticResponse(status: draft.status, contentType: draft.contentType, body: body)
  }
}
