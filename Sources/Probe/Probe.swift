/// Module `Probe`: sends forged fields through the gateway's own way of a request, and looks at what an upstream gets.
/// May import: Configuration, Proxy, Telemetry, Access, Tokens, Keys, HTTP, TLS, Crypto, JSON, Sockets.
/// Never does: contact anything but this process, or read an arrived request with the gateway's parser.
