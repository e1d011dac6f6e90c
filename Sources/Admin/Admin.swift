/// Module `Admin`: what operators see and ask for.
/// May import: Configuration, Proxy, HTTP, Access, JSON, Sockets, Telemetry, Tokens, Reason.
/// Never does: anything but show what it is given: whoever is asked collects it.
