extension ReloadConfiguration {
  static let keys = KeyTable<ReloadConfiguration>(
    "[How a changed file is loaded](operations.md#changing-the-configuration), beside SIGHUP and `POST /reload`.",
    defaults: ReloadConfiguration(),
    keys: [
      Key(
        "watch", \.isWatching, .boolean,
        """
        Whether the file, and those that it names, are checked every two seconds, and a change is loaded as with SIGHUP.
        """),
      Key(
        "canary", \.canary, .durationOrNone(ReloadConfiguration.canaryRange),
        """
        How long a new configuration is compared with the previous one: if more requests are refused for some reason \
        than before, it is rolled back. Anyone who sends many such requests can cause that: not for changes that close \
        a hole. Needs `admin`.
        """),
    ])
}
