import Logging

extension Logger.Metadata {
  /// With how often it has begun since it was last said, where that is more than once.
  func with(times: Int) -> Logger.Metadata {
    times > 1 ? merging(["times": "\(times)"]) { first, _ in first } : self
  }
}
