/// Module `Telemetry`: the access log: one line for every exchange, written without making a request wait, and read again.
/// May import: HTTP, Tokens, Access, JSON, Sockets, Reason.
/// Never does: block a loop, or write a token, a cookie or a query.
