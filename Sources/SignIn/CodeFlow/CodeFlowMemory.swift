import HTTP
import Synchronization

/// What a provider's code flow keeps over reloads. May be used from any thread.
public final class CodeFlowMemory: Sendable {
  /// Counts failures of the provider's session store.
  public let storeFaults = StoreFaults()
  /// Codes that the provider did not take, by address.
  let throttle = Mutex(LoginThrottle())
  /// Bounds what is asked of the provider for people who may have made up what they bring.
  let redemptions = SharesUnderWay<IPAddress>(most: Limits.redemptionsMax, share: Limits.addressRedemptionsMax)

  /// The memory of a provider that was not configured before.
  public init() {}
}
