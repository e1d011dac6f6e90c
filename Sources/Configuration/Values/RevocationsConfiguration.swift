/// Where the tokens that are refused although they verify are listed.
public struct RevocationsConfiguration: Sendable, Hashable {
  /// The file's path, resolved against the folder of `gateway.conf`.
  public var file: String
  /// Where `gateway.conf` names it.
  var position: Position
}
