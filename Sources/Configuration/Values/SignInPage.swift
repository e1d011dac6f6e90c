/// What is directly under the path of `sign_in`, by its name there.
public enum SignInPage: String, Sendable, CaseIterable {
  case login, refresh, logout, password, token, me
  case keys = "jwks.json"
}
