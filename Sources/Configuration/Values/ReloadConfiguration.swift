/// How a changed configuration is taken.
public struct ReloadConfiguration: Sendable, Hashable {
  /// Whether the files are looked at, and a change is taken without a signal.
  public var isWatching = false
  /// How long a configuration is on trial, and may be taken back; nil: it never is.
  public var canary: Duration?

  /// How long a trial may be.
  public static let canaryRange = Duration.seconds(10) ... .seconds(86_400)
}
