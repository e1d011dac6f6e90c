/// The request fields in which servers, frameworks and proxies look for something that only the gateway may say: another
/// path, method, sender or client than those that it has decided about (SECURITY I-1, P-16).
///
/// This is the one list of them: what is removed on the way to an upstream, refused where another proxy forwards, and
/// tried by the probe. Names are compared folded (`FieldName`), so each stands here once, whatever its spelling is.
public enum ReservedFields {
  /// Another path than the target's, or a part of it that a server cuts off or puts in front.
  public static let path = [
    // gunicorn believes the first two from loopback and Unix sockets, unless told otherwise.
    "Script-Name", "Path-Info", "X-Script-Name", "X-Forwarded-Script-Name",
    "Daphne-Root-Path", "X-Vhm-Root", "X-Traversal-Path", "X-Ingress-Path",
    "X-Original-URL", "X-Original-URI", "X-Original-Path", "X-Rewrite-URL", "X-Replaced-Path", "X-Envoy-Original-Path",
    "X-Forwarded-Prefix", "X-Forwarded-Path", "X-Forwarded-PathBase", "X-Forwarded-Uri", "X-Forwarded-URL",
    // Which file a server in between sends in place of the response.
    "X-Accel-Mapping", "X-Sendfile-Type",
  ]
  /// Another method than the request line's.
  public static let method = [
    "X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override", "X-Original-Method", "X-Forwarded-Method",
  ]
  /// Who sends it, in the words of other gateways.
  public static let sender = [
    "Remote-User", "Remote-Groups", "Remote-Email", "Remote-Name", "X-Remote-User", "X-Remote-Group",
    "X-WebAuth-User", "X-WebAuth-Name", "X-WebAuth-FullName", "X-WebAuth-Email", "X-WebAuth-Groups", "X-WebAuth-Role",
    "X-Auth-Request-User", "X-Auth-Request-Email", "X-Auth-Request-Groups", "X-Auth-Request-Preferred-Username",
    "X-Auth-Request-Access-Token",
    "X-Forwarded-User", "X-Forwarded-Email", "X-Forwarded-Groups", "X-Forwarded-Preferred-Username",
    "X-Forwarded-Access-Token",
  ]
  /// The connection that it came on: address, scheme, host, certificate.
  public static let connection = [
    "Forwarded", "X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host", "X-Forwarded-Port", "X-Forwarded-Server",
    "X-Forwarded-Ssl", "X-Forwarded-Scheme", "X-Forwarded-Client-Cert",
    "X-Real-IP", "X-Client-IP", "Client-IP", "True-Client-IP", "X-Cluster-Client-IP", "CF-Connecting-IP",
    "CF-Connecting-IPv6", "Fastly-Client-IP", "Fly-Client-IP", "X-AppEngine-User-IP", "X-Azure-ClientIP",
    "X-Azure-SocketIP", "Proxy-Client-IP", "WL-Proxy-Client-IP", "X-Originating-IP", "X-Remote-IP", "X-Remote-Addr",
    "Remote-Addr", "X-Original-For",
    "X-Host", "X-Original-Host", "X-Vhm-Host", "X-Original-Proto", "X-Scheme", "X-URL-Scheme", "X-HTTPS", "X-SSL",
    "Front-End-Https", "X-ARR-SSL", "WL-Proxy-SSL",
    // RFC 9440 §2: whoever ends TLS removes what clients send of these.
    "Client-Cert", "Client-Cert-Chain", "X-Client-Cert", "X-ARR-ClientCert", "SSL-Client-Cert", "X-SSL-Client-Cert",
  ]
  /// What belongs to the hop: programs behind CGI take Proxy for the setting of the same name.
  public static let hop = ["X-Request-Id", "Proxy"]

  /// Where to copy or move what the path names (RFC 4918 §10.3): kept on routes that say so.
  public static let secondPath = ["Destination"]

  /// Whatever begins so is reserved too.
  public static let prefixes = ["X-Forwarded-", "X-Envoy-", "SSL-Client-", "X-SSL-Client-"]

  public static let names = path + method + sender + connection + hop

  /// What frames a message or carries a credential. As these should be spelled, each is dealt with by itself; in another
  /// spelling (`Content_Length`) they go no further (SECURITY I-2).
  public static let framing = [
    "Host", "Content-Length", "Transfer-Encoding", "Connection", "Keep-Alive", "Proxy-Connection", "TE", "Trailer",
    "Upgrade", "Expect", "Authorization", "Proxy-Authorization", "Cookie",
  ]
}
