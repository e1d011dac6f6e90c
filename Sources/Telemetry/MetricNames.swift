/// Numbers for the names that counters have, which outlive reloads: a route, an upstream or a provider of the same name goes
/// on counting where it was. Used on the control loop alone.
public final class MetricNames {
  public private(set) var routes: [String] = [""]
  public private(set) var upstreams: [String] = [""]
  public private(set) var providers: [String] = [""]
  private var routeNumbers: [String: Int] = [:]
  private var upstreamNumbers: [String: Int] = [:]
  private var providerNumbers: [String: Int] = [:]

  /// What comes after so many is counted together, as number 0: names that change with each reload must not fill the
  /// memory.
  private static let countMax = 20_000

  public init() {}

  public func number(ofRoute name: String) -> Int { MetricNames.number(name, &routes, &routeNumbers) }
  public func number(ofUpstream name: String) -> Int { MetricNames.number(name, &upstreams, &upstreamNumbers) }
  public func number(ofProvider name: String) -> Int { MetricNames.number(name, &providers, &providerNumbers) }

  private static func number(_ name: String, _ names: inout [String], _ numbers: inout [String: Int]) -> Int {
    if let known = numbers[name] { return known }
    guard names.count < countMax else { return 0 }
    numbers[name] = names.count
    names.append(name)
    return names.count - 1
  }
}
