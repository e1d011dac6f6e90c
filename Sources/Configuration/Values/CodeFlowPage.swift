/// What is directly under the path of `code_flow`, by its name there.
public enum CodeFlowPage: String, Sendable, CaseIterable {
  case login, callback, logout
  case backchannelLogout = "backchannel-logout"
}
