extension LimitsConfiguration {
  static let keys = KeyTable<LimitsConfiguration>(
    """
    Bounds on what a client may send, and on how slowly. What is larger is refused: 431, 414, 413.
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
      Key("body", \.bodyBytesMax, .sizeOrNone, "Bytes of a request body. A route may say otherwise."),
      Key("minimum_rate", \.minimumRate, .sizeOrNone(1...1 << 20), RouteLimits.minimumRateDocumentation),
      Key(
        "connections", \.connectionsMax, .count(1...1_000_000),
        """
        Client connections, over all workers together; fewer where the limit of open files has no room for two each.
        """),
      Key(
        "connections_per_address", \.connectionsPerAddressMax, .countOrNone(1...1_000_000),
        """
        Of these, those of one client address, or of one IPv6 network of 64 bits; more are closed at once. Trusted \
        proxies are not counted.
        """),
      Key(
        "requests_per_connection", \.requestsPerConnectionMax, .countOrNone(1...1_000_000),
        """
        Requests that one connection may carry. The answer to the last one says `Connection: close`, and what was sent \
        behind it is not answered: the client sends it again on a new connection, and a balancer in front can choose anew.
        """),
    ])
}
