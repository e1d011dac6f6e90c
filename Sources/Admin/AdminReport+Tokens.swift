import JSON
import Telemetry
import Tokens

/// Which tokens came, as it is shown.
extension AdminReport {
  /// What was counted of a provider's tokens. One that has another issuer now is another provider.
  func kinds(of provider: Provider) -> [(kind: TokenCensus.Kind, counts: TokenCounts)] {
    census.kinds.filter { $0.kind.provider == provider.name && $0.kind.issuer == provider.issuer }
  }

  /// Without what claims say, for others than this machine.
  func tokenUses(of provider: Provider) -> [TokenUse] {
    let uses = TokenUse.all(
      of: provider.accepts, kinds(of: provider), since: census.since, now: UnixSeconds(nowSeconds))
    return isPublic ? uses.filter { $0.aspect != .audience } : uses
  }

  /// How old a provider's tokens were, and how long they had to live.
  func tokenAges(of provider: Provider) -> TokenCounts {
    kinds(of: provider).reduce(into: TokenCounts()) { $0.add($1.counts) }
  }

  /// As `/status` has it.
  func tokens(of provider: Provider) -> JSONValue {
    let ages = tokenAges(of: provider)
    return .object([
      "since": moment(census.since),
      "count": .integer(Int64(clamping: ages.use.count)),
      "uses": .array(tokenUses(of: provider).map { $0.document }),
      "ages": histogram(ages.ages), "remaining": histogram(ages.remains),
    ])
  }

  private func histogram(_ histogram: SecondsHistogram) -> JSONValue {
    .array(
      (0...SecondsHistogram.bounds.count).map { index in
        let isBound = index < SecondsHistogram.bounds.count
        return .object([
          "seconds_max": isBound ? .integer(SecondsHistogram.bounds[index]) : .null,
          "count": .integer(Int64(clamping: histogram.count(of: index))),
        ])
      })
  }

  /// What `portcullis_tokens_total` counts, by its labels.
  func writeTokens(to text: inout some MetricWriter) {
    var counts: [KeyLabels: TokenCounts.Use] = [:]
    for (kind, count) in census.kinds {
      let labels = KeyLabels(provider: kind.provider, key: kind.key ?? "", algorithm: kind.algorithm.rawValue)
      counts[labels, default: TokenCounts.Use()].add(count.use)
    }
    let sorted = counts.sorted {
      ($0.key.provider, $0.key.key, $0.key.algorithm) < ($1.key.provider, $1.key.key, $1.key.algorithm)
    }
    let samples = sorted.map { labels, use in
      (MetricLabels(("provider", labels.provider), ("key", labels.key), ("algorithm", labels.algorithm)), use)
    }
    text.begin("portcullis_tokens_total", .counter, "Verified tokens received, by the key that verified them.")
    for (labels, use) in samples { text.sample(labels, use.count) }
    text.begin("portcullis_token_last_seen_timestamp_seconds", .gauge, "When the last one was received.")
    for (labels, use) in samples { text.sample(labels, Double(use.last)) }
    text.begin(
      "portcullis_token_traits_total", .counter,
      "Requests with a verified token, by what a provider accepts several of, and what the token lacks.")
    for provider in providers {
      for use in tokenUses(of: provider) where use.aspect != .key && use.aspect != .algorithm {
        text.sample(
          MetricLabels(
            ("provider", provider.name), ("trait", use.aspect.rawValue), ("value", use.value ?? "")), use.use.count)
      }
    }
    text.begin(
      "portcullis_token_ages_total", .counter,
      "Requests with a verified token that says when it was issued, by how many seconds old it was at most.")
    for provider in providers {
      let ages = tokenAges(of: provider).ages
      guard ages.total > 0 else { continue }
      // Zeros too: where nothing was before, nothing has risen.
      for index in 0...SecondsHistogram.bounds.count {
        let isBound = index < SecondsHistogram.bounds.count
        text.sample(
          MetricLabels(
            ("provider", provider.name), ("seconds", isBound ? "\(SecondsHistogram.bounds[index])" : "more")),
          ages.count(of: index))
      }
    }
  }
}

/// Which samples of `portcullis_tokens_total` there are.
private struct KeyLabels: Hashable {
  let provider: String
  let key: String
  let algorithm: String
}

extension TokenUse {
  var document: JSONValue {
    var members: [JSONObject.Member] = []
    func add(_ name: String, _ value: JSONValue) { members.append(JSONObject.Member(name: name, value: value)) }
    add("of", .string(aspect.rawValue))
    add("value", value.map { .string($0) } ?? .null)
    add("count", .integer(Int64(clamping: use.count)))
    add("share", .number(total == 0 ? 0 : Double(use.count) / Double(total)))
    add("first", use.count == 0 ? .null : moment(use.first))
    add("last", use.count == 0 ? .null : moment(use.last))
    add("first_seen", firstSeenAt.map { moment($0) } ?? .null)
    add("remark", remark.map { .string($0.text) } ?? .null)
    // No name stands twice.
    return .object(JSONObject(members) ?? [:])
  }
}

extension TokenUse.Remark {
  var text: String {
    switch self {
    case .notYet: "not used yet"
    case .unused(let since): "unused since \(momentText(since))"
    case .canGo(let since): "unused since \(momentText(since)): can go"
    }
  }
}

/// RFC 3339, to the second.
func momentText(_ time: UnixSeconds) -> String {
  // Years that have four digits.
  let bounded = min(max(time, 0), 9_000_000_000)
  return String(Timestamp.text(bounded * 1_000_000_000).prefix(19)) + "Z"
}

private func moment(_ time: UnixSeconds) -> JSONValue { .string(momentText(time)) }
