extension ReloadConfiguration {
  static let keys = KeyTable<ReloadConfiguration>(
    "[How a changed file is taken](operations.md#changing-the-configuration), beside SIGHUP and `POST /reload`.",
    defaults: ReloadConfiguration(),
    keys: [
      Key(
        "watch", \.isWatching, .boolean,
        """
        Whether the file, and those that it names, are looked at every two seconds, and a change is taken as with SIGHUP.
        """),
      Key(
        "canary", \.canary, .durationOrNone(ReloadConfiguration.canaryRange),
        """
        How long a configuration that was taken is compared with the one before: where more requests are refused for some \
        reason than before, that one is taken back. Whoever sends many such requests can bring that about: not for changes that \
        close a hole. Needs `admin`.
        """),
    ])
}
