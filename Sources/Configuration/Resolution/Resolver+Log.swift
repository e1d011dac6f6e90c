extension Resolver {
  mutating func resolveLog() -> LogConfiguration {
    let log = draft.log
    if log.value.claims != .none, log.value.format == .combined, log.places.areSound("claims", "format") {
      report(log.places.value("claims"), "\"claims\" with format: combined, which has no field for them")
    }
    if log.value.claims != .none, log.value.access == .off, log.places.areSound("claims", "access") {
      report(log.places.value("claims"), "\"claims\" with access: off, which writes no lines")
    }
    return log.value
  }
}
