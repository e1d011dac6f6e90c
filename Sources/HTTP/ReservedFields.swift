/// The request fields in which servers, frameworks and proxies look for something that only the gateway may state:
/// another path, method, sender or client than those of the request that it has decided (SECURITY I-1, P-16).
///
/// This is the only list of them: they are removed on the way to an upstream, refused if another proxy forwards, and
/// tried by the probe. Names are compared folded (`FieldName`), so each is listed once, whatever its spelling.
public enum ReservedFields {
  /// Another path than the target's, or a part of it that a server strips or prepends.
  public static let path = [
    // gunicorn accepts the first two from loopback and Unix sockets, unless configured otherwise.
    "Script-Name", "Path-Info", "X-Script-Name", "X-Forwarded-Script-Name",
    "Daphne-Root-Path", "X-Vhm-Root", "X-Traversal-Path", "X-Ingress-Path",
    "X-Original-URL", "X-Original-URI", "X-Original-Path", "X-Rewrite-URL", "X-Replaced-Path", "X-Envoy-Original-Path",
    "X-Forwarded-Prefix", "X-Forwarded-Path", "X-Forwarded-PathBase", "X-Forwarded-Uri", "X-Forwarded-URL",
    // Which file an intermediate server sends in place of the response.
    "X-Accel-Mapping", "X-Sendfile-Type",
  ]
  /// Another method than the request line's.
  public static let method = [
    "X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override", "X-Original-Method", "X-Forwarded-Method",
  ]
  /// The sender, in the fields of other gateways.
  public static let sender = [
    "Remote-User", "Remote-Groups", "Remote-Email", "Remote-Name", "X-Remote-User", "X-Remote-Group",
    "X-WebAuth-User", "X-WebAuth-Name", "X-WebAuth-FullName", "X-WebAuth-Email", "X-WebAuth-Groups", "X-WebAuth-Role",
    "X-Auth-Request-User", "X-Auth-Request-Email", "X-Auth-Request-Groups", "X-Auth-Request-Preferred-Username",
    "X-Auth-Request-Access-Token",
    "X-Forwarded-User", "X-Forwarded-Email", "X-Forwarded-Groups", "X-Forwarded-Preferred-Username",
    "X-Forwarded-Access-Token",
  ]
  /// The connection that it arrived on: address, scheme, host, certificate.
  public static let connection = [
    "Forwarded", "X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host", "X-Forwarded-Port", "X-Forwarded-Server",
    "X-Forwarded-Ssl", "X-Forwarded-Scheme", "X-Forwarded-Client-Cert",
    "X-Real-IP", "X-Client-IP", "Client-IP", "True-Client-IP", "X-Cluster-Client-IP", "CF-Connecting-IP",
    "CF-Connecting-IPv6", "Fastly-Client-IP", "Fly-Client-IP", "X-AppEngine-User-IP", "X-Azure-ClientIP",
    "X-Azure-SocketIP", "Proxy-Client-IP", "WL-Proxy-Client-IP", "X-Originating-IP", "X-Remote-IP", "X-Remote-Addr",
    "Remote-Addr", "X-Original-For",
    "X-Host", "X-Original-Host", "X-Vhm-Host", "X-Original-Proto", "X-Scheme", "X-URL-Scheme", "X-HTTPS", "X-SSL",
    "Front-End-Https", "X-ARR-SSL", "WL-Proxy-SSL",
    // RFC 9440 §2: the server that terminates TLS removes these from what clients send.
    "Client-Cert", "Client-Cert-Chain", "X-Client-Cert", "X-ARR-ClientCert", "SSL-Client-Cert", "X-SSL-Client-Cert",
  ]
  /// Fields of the hop itself: CGI programs take Proxy for the environment variable of the same meaning.
  public static let hop = ["X-Request-Id", "Proxy"]

  /// The destination of a copy or move of what the path names (RFC 4918 §10.3): kept on routes configured to.
  public static let secondPath = ["Destination"]

  /// Fields whose names begin with one of these are reserved too.
  public static let prefixes = ["X-Forwarded-", "X-Envoy-", "SSL-Client-", "X-SSL-Client-"]

  /// All reserved names; `secondPath`, `prefixes` and `framing` are separate.
  public static let names = path + method + sender + connection + hop

  /// Fields that frame a message or carry a credential. In their proper spelling each is handled individually; in
  /// another (`Content_Length`) they are removed (SECURITY I-2).
  public static let framing = [
    "Host", "Content-Length", "Transfer-Encoding", "Connection", "Keep-Alive", "Proxy-Connection", "TE", "Trailer",
    "Upgrade", "Expect", "Authorization", "Proxy-Authorization", "Cookie",
  ]
}
