extension Resolver {
  mutating func resolveLog() -> LogConfiguration {
    let log = draft.log
    if log.value.claims != .none, log.value.format == .combined, log.places.areSound("claims", "format") {
      report(log.places.value("claims"), "\"claims\" with format: combined, which has no field for them")
    }
    return log.value
  }
}
