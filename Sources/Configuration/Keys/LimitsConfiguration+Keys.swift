extension LimitsConfiguration {
  static let keys = KeyTable<LimitsConfiguration>(
    """
    Limits on what a client may send, and on how slowly. Anything larger is refused: 431, 414, 413.
    """,
    defaults: LimitsConfiguration(),
    keys: [
      Key("head", \.headBytesMax, .size(1 << 10...32 << 10), "Bytes of a request head."),
      Key("fields", \.fieldsMax, .count(1...1000), "Field lines of a request head."),
      Key(
        "target", \.targetBytesMax, .size(256...32 << 10),
        "Bytes of a request target; at most `head`, which is the default where it is smaller."),
      Key(
        "token", \.tokenBytesMax, .size(256...32 << 10),
        "Bytes of a token; at most `head`, which is the default where it is smaller."),
      Key("body", \.bodyBytesMax, .sizeOrNone, "Bytes of a request body. A route can override it."),
      Key("minimum_rate", \.minimumRate, .sizeOrNone(1...1 << 20), RouteLimits.minimumRateDocumentation),
      Key(
        "connections", \.connectionsMax, .count(1...1_000_000),
        """
        Client connections, across all workers; fewer if the open-file limit has no room for two each.
        """),
      Key(
        "connections_per_address", \.connectionsPerAddressMax, .countOrNone(1...1_000_000),
        """
        Of these, those of one client address, or of one IPv6 /64; more are closed at once. Trusted proxies are not \
        counted.
        """),
      Key(
        "requests_per_connection", \.requestsPerConnectionMax, .countOrNone(1...1_000_000),
        """
        Requests that one connection may carry. The response to the last one says `Connection: close`, and what was \
        sent after it is not answered: the client sends it again on a new connection, and a load balancer in front can \
        choose again.
        """),
    ])
}
