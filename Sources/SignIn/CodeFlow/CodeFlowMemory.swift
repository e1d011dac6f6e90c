import HTTP
import Synchronization

/// What a provider's code flow keeps over reloads. From anywhere.
public final class CodeFlowMemory: Sendable {
  public let storeFaults = StoreFaults()
  /// Codes that the provider did not take, by address.
  let throttle = Mutex(LoginThrottle())
  /// Bounds what is asked of the provider for people who may have made up what they bring.
  let redemptions = SharesUnderWay<IPAddress>(most: Limits.redemptionsMax, share: Limits.addressRedemptionsMax)

  public init() {}
}
