/// Module `Configuration`: `gateway.conf` decoded into typed, validated values, or into diagnostics with positions.
/// May import: CYAML, Access, Tokens, HTTP, Reason.
/// Never does: open a socket, read a key, or keep a value that was not checked.
