import JSON

/// What is wrong with the gateway itself, though it goes on: for operators, as a reload that was refused is.
extension AdminReport {
  struct Fault {
    /// A word for programs.
    let what: String
    /// For people.
    let title: String
    /// The provider that it is about; nil: none in particular.
    var provider: String?
    let why: String

    var document: JSONValue {
      var members = [JSONObject.Member(name: "what", value: .string(what))]
      if let provider { members.append(.init(name: "provider", value: .string(provider))) }
      members.append(.init(name: "why", value: .string(why)))
      return .object(JSONObject(members) ?? [:])
    }
  }

  var faults: [Fault] {
    var faults = watchedFiles.compactMap { file -> Fault? in
      guard let why = file.fault else { return nil }
      switch file.kind {
      case .revocations:
        return Fault(
          what: "revocations_file", title: "Revocations that were read before stay in force, new ones are not",
          why: why)
      case .users(let provider):
        return Fault(
          what: "users_file", title: "Users of \(provider) that were read before stay in force", provider: provider,
          why: why)
      }
    }
    faults += storeFaults.map { store in
      switch store.kind {
      case .signIns:
        Fault(
          what: "sign_ins_database", title: "The sign-ins of \(store.provider) cannot be read or written",
          provider: store.provider, why: store.why)
      case .sessions:
        Fault(
          what: "sessions_database", title: "The sessions of \(store.provider) cannot be read or written",
          provider: store.provider, why: store.why)
      }
    }
    if logLinesLost > 0 {
      faults.append(
        Fault(
          what: "access_log", title: "The access log is not complete",
          why: "\(logLinesLost) line\(logLinesLost == 1 ? "" : "s") lost since the process started"))
    }
    return faults
  }
}
