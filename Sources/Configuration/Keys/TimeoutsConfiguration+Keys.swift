extension TimeoutsConfiguration {
  static let keys = KeyTable<TimeoutsConfiguration>(
    "How long the gateway waits for clients, and for itself to stop.", defaults: TimeoutsConfiguration(),
    keys: [
      Key(
        "handshake", \.handshake, .duration(.milliseconds(100) ... .seconds(300)),
        "From a connection to the end of its TLS handshake."),
      Key(
        "head", \.head, .duration(.milliseconds(100) ... .seconds(300)), "From a request head's first byte to its last."
      ),
      Key(
        "idle", \.idle, .duration(.milliseconds(100) ... .seconds(86_400)),
        "Between two requests of a connection, and between two reads or writes of a body."),
      Key(
        "grace", \.grace, .duration(.milliseconds(100) ... .seconds(300)),
        """
        How long a client may be slower than `limits.minimum_rate`. One that was faster before may be slower for longer, \
        `idle` at most.
        """),
      Key(
        "tunnel", \.tunnel, .duration(.milliseconds(100) ... .seconds(7 * 86_400)),
        "How long a tunnel, such as a WebSocket, may be idle in both directions."),
      Key(
        "drain", \.drain, .duration(.zero ... .seconds(86_400)),
        "How long SIGTERM waits for requests in progress."),
      Key(
        "drain_delay", \.drainDelay, .duration(.zero ... .seconds(3600)),
        "How long listeners stay open after SIGTERM, so that a balancer can notice."),
    ])
}
