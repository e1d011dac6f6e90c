/// Module `Configuration`: `gateway.conf` and users files decoded into typed, validated values, or into diagnostics with positions.
/// May import: CYAML, Access, Tokens, HTTP, Crypto, Reason.
/// Never does: open a socket, read a key, or keep a value that was not checked.
