/// Module `Telemetry`: the access log: one line for every exchange, written without making a request wait.
/// May import: HTTP, Tokens, Access, Sockets, Reason.
/// Never does: block a loop, or write a token, a cookie or a query.
