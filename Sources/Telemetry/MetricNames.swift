/// Numbers for the names that counters have. They outlive reloads: a route, an upstream or a provider of the same name
/// goes on counting where it was. Used on the control loop alone.
public final class MetricNames {
  /// The names of routes by their numbers; 0 is `""`, which stands for no route.
  public private(set) var routes: [String] = [""]
  /// The names of upstreams by their numbers; 0 is `""`, which stands for none.
  public private(set) var upstreams: [String] = [""]
  /// The names of providers by their numbers; 0 is `""`, which stands for none.
  public private(set) var providers: [String] = [""]
  private var routeNumbers: [String: Int] = [:]
  private var upstreamNumbers: [String: Int] = [:]
  private var providerNumbers: [String: Int] = [:]

  /// What comes after so many is counted together, as number 0: names that change with each reload must not fill the
  /// memory.
  private static let countMax = 20_000

  /// Knows no names yet.
  public init() {}

  /// The number of a route's name, a new one where it has none yet; 0 once 20,000 names have one.
  public func number(ofRoute name: String) -> Int { MetricNames.number(name, &routes, &routeNumbers) }
  /// The number of an upstream's name, a new one where it has none yet; 0 once 20,000 names have one.
  public func number(ofUpstream name: String) -> Int { MetricNames.number(name, &upstreams, &upstreamNumbers) }
  /// The number of a provider's name, a new one where it has none yet; 0 once 20,000 names have one.
  public func number(ofProvider name: String) -> Int { MetricNames.number(name, &providers, &providerNumbers) }

  private static func number(_ name: String, _ names: inout [String], _ numbers: inout [String: Int]) -> Int {
    if let known = numbers[name] { return known }
    guard names.count < countMax else { return 0 }
    numbers[name] = names.count
    names.append(name)
    return names.count - 1
  }
}
