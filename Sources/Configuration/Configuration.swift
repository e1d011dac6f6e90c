/// Module `Configuration`: `gateway.conf` and users files decoded into typed, validated values, or into diagnostics with positions.
/// May import: CYAML, Access, Tokens, HTTP, Crypto, Reason.
/// Never does: open a socket, read a key, or keep a value that was not checked.
///
/// Words: a request is *evaluated* where it is decided without a connection, for `explain`, `replay` and `tests` (folder
/// `Evaluation`). What a `try` section asks for is *tried*, as in `Access`. A reload with `canary` takes a configuration
/// on trial; in the sources it is a *canary*.
