/// A credential that proves no identity by itself and has to be looked up.
public enum IntrospectedCredential: Sendable, Hashable {
  /// A token, introspected at its issuer.
  case token([UInt8])
  /// A session id, looked up in the session store.
  case session([UInt8])
}
