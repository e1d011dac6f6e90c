import HTTP
import JSON
import Proxy
import Reason
import Sockets
import Telemetry

/// `/status` for people: no script, so that it can be forbidden all; it loads itself anew.
struct StatusPage {
  let report: AdminReport

  var html: String {
    """
    <!doctype html>
    <html lang="en">
    <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <meta http-equiv="refresh" content="5">
    <title>\(escaped(title))</title>
    <style>\(StatusPage.style)</style>
    </head>
    <body>
    <header><h1>Portcullis</h1><p class="\(report.readiness == .ready ? "good" : "bad")">\(escaped(report.readiness.text))</p></header>
    \(faults)
    <dl class="facts">
    \(facts.map { "<div><dt>\($0.0)</dt><dd>\(escaped($0.1))</dd></div>" }.joined(separator: "\n"))
    </dl>
    \(table("Requests, by verdict", ["Verdict"] + times, report.verdictRows))
    \(table("Reasons", times + ["Reason", "Route", "Provider", "Blame"], report.reasonCounts.prefix(20).map {
      // The counts first: on a phone, routes may have names that push what is behind them out of view.
      [
        "\($0.recent)", "\($0.count)", $0.refused.reason.rawValue, AdminReport.name($0.refused.route, report.routeNames),
        AdminReport.name($0.refused.provider, report.providerNames), $0.refused.reason.blame.rawValue,
      ]
    }))
    \(upstreamErrors)
    \(table("Refused last", ["Time", "Status", "Reason", "Request", "Client", "Id"], report.recentRefusals(20).map(row), links: "/requests/"))
    \(table("Tried", ["Route", "Enforced for", "Refused", "Allowed, but would be refused"], report.triedRouteCounts.map { counted in
      [
        counted.route.name,
        counted.route.isStopped ? "nobody: it refused more than its budget" : "\(counted.route.percentage)%",
        "\(counted.refused)", "\(counted.shadow)",
      ]
    }))
    \(table("Tried on tokens", ["Provider", "Enforced for", "Refused"], report.triedProviderCounts.map { counted in
      [
        counted.provider.name,
        counted.provider.isStopped ? "nobody: it refused more than its budget" : "\(counted.provider.percentage)%",
        "\(counted.refused)",
      ]
    }))
    \(table("Keys", ["Provider", "Keys", "Fetched", "Failures since"], report.providers.map {
      guard let keys = $0.keys else { return [$0.name, "needs none", "", ""] }
      return [$0.name, "\(keys)", $0.fetchedAtSeconds.map { "\(StatusPage.duration(report.nowSeconds - $0)) ago" } ?? "never", "\($0.failures)"]
    }))
    \(tokens)
    \(table("Upstreams", ["Upstream", "Server", "State"], report.upstreams.flatMap { upstream in
      upstream.servers.isEmpty
        ? [[upstream.name, "none", "down"]] : upstream.servers.map { [upstream.name, $0.name, $0.health.rawValue] }
    }))
    </body>
    </html>

    """
  }

  /// What counts are of.
  private var times: [String] {
    ["Last \(StatusPage.duration(Double(report.recentSeconds)))", "Since the start"]
  }

  private var upstreamErrors: String {
    let rows = report.upstreamErrors.sorted { $0.key < $1.key }.flatMap { name, errors in
      [
        [name, "the upstream", "\(errors.recent.own)", "\(errors.all.own)"],
        [name, "the gateway in its place", "\(errors.recent.refused)", "\(errors.all.refused)"],
      ]
    }
    return table("Answered with 5xx", ["Upstream", "By"] + times, rows)
  }

  private var tokens: String {
    let uses = report.providers.flatMap { provider in
      report.tokenUses(of: provider).map { use in
        [
          provider.name, use.aspect.rawValue, use.value ?? "the secret", "\(use.use.count)",
          ShareText.text(use.use.count, of: use.total),
          ago(use.use, use.use.first), ago(use.use, use.use.last),
          use.firstSeenAt.map { "\(StatusPage.duration(max(report.nowSeconds - Double($0), 0))) ago" } ?? "",
          use.remark?.text ?? "",
        ]
      }
    }
    let ages = report.providers.flatMap { provider in
      let counts = report.tokenAges(of: provider)
      return [("age", counts.ages), ("left to live", counts.remains)].filter { $0.1.total > 0 }.map { row in
        [provider.name, row.0] + (0...SecondsHistogram.bounds.count).map { "\(row.1.count(of: $0))" }
      }
    }
    return table(
      "Tokens since \(momentText(report.census.since))",
      ["Provider", "Of", "Which", "Requests", "Share", "First", "Last", "Key first seen", "Remark"], uses)
      + table("How old tokens are", ["Provider", "Of requests"] + StatusPage.ageHeads, ages)
  }

  private static let ageHeads = ["≤ 1 min", "≤ 5 min", "≤ 15 min", "≤ 1 h", "≤ 6 h", "≤ 1 d", "≤ 7 d", "longer"]

  private func ago(_ use: TokenCounts.Use, _ time: Int64) -> String {
    use.count == 0 ? "never" : "\(StatusPage.duration(report.nowSeconds - Double(time))) ago"
  }

  private var title: String { report.readiness == .ready ? "Portcullis" : "Portcullis: \(report.readiness.text)" }

  private var facts: [(String, String)] {
    [
      ("Requests", "\(report.requestsTotal)"), ("Connections", "\(report.openConnections)"),
      ("Running for", StatusPage.duration(report.nowSeconds - report.startedAtSeconds)),
      (
        "Configuration",
        "\(report.file), generation \(report.generation), \(StatusPage.duration(report.nowSeconds - report.reload.takenAtSeconds)) old"
      ),
      ("Changed last", report.reload.changes.isEmpty ? "–" : report.reload.changes),
      ("Waiting for a restart", report.reload.pending.isEmpty ? "–" : report.reload.pending.joined(separator: ", ")),
      ("On trial", report.reload.canarySecondsLeft.map { "for \(StatusPage.duration(Double($0)))" } ?? "no"),
      ("Loops", "\(report.workers)"), ("Memory", "\((report.process?.residentBytes ?? 0) >> 20) MiB"),
      ("Version", report.version),
    ]
  }

  private var faults: String {
    let all = report.faults.map { (title: $0.title, lines: [$0.why]) }
    let reload = [(title: "The last reload was refused", lines: report.reload.faults)].filter { !$0.lines.isEmpty }
    return (reload + all).map { title, lines in
      let items = lines.map { "<li>\(escaped($0))</li>" }.joined()
      return "<section class=\"fault\"><h2>\(escaped(title))</h2><ul>\(items)</ul></section>"
    }.joined(separator: "\n")
  }

  private func row(_ line: JSONObject) -> [String] {
    let text = { (name: String) in line[name]?.string ?? "" }
    let status: String = if case .integer(let status)? = line["status"] { "\(status)" } else { "" }
    return [
      text("time"), status, text("reason"), "\(text("method")) \(text("host"))\(text("path"))", text("client"),
      text("request_id"),
    ]
  }

  /// - Parameter links: The path below which the last cell of a row has more; nil: there is none.
  private func table(_ title: String, _ heads: [String], _ rows: [[String]], links: String? = nil) -> String {
    guard !rows.isEmpty else { return "" }
    let head = heads.map { "<th scope=\"col\">\($0)</th>" }.joined()
    let body = rows.map { row in
      let cells = row.enumerated().map { index, text in
        guard let links, index == row.count - 1 else { return "<td>\(escaped(text))</td>" }
        return "<td><a href=\"\(links)\(escaped(text))\">\(escaped(text))</a></td>"
      }
      return "<tr>\(cells.joined())</tr>"
    }.joined(separator: "\n")
    return """
      <section><h2>\(title)</h2><div class="wide"><table><thead><tr>\(head)</tr></thead><tbody>
      \(body)
      </tbody></table></div></section>
      """
  }

  /// Everything shown may hold what a client sent.
  private func escaped(_ text: String) -> String { HTMLText.escaped(text) }

  static func duration(_ seconds: Double) -> String {
    let seconds = Int64(max(0, min(seconds, 1e15)))
    switch seconds {
    case ..<120: return "\(seconds) s"
    case ..<7200: return "\(seconds / 60) min"
    case ..<172_800: return "\(seconds / 3600) h"
    default: return "\(seconds / 86_400) d"
    }
  }

  private static let style = """
    :root{color-scheme:light dark;--line:#d0d5dc;--dim:#5c6672;--good:#1a7f37;--bad:#c4232b}\
    @media(prefers-color-scheme:dark){:root{--line:#3a424d;--dim:#9aa4b1;--good:#57c26f;--bad:#ff7b78}}\
    body{font:15px/1.45 system-ui,sans-serif;margin:0 auto;max-width:70rem;padding:1rem}\
    header{display:flex;align-items:baseline;gap:1rem}h1{font-size:1.4rem;margin:0}h2{font-size:1rem;margin:1.6rem 0 .4rem}\
    header p{margin:0;font-weight:600}.good{color:var(--good)}.bad,.fault h2{color:var(--bad)}\
    .facts{display:grid;grid-template-columns:repeat(auto-fill,minmax(9.5rem,1fr));gap:.6rem;margin:1rem 0}\
    .facts div{border:1px solid var(--line);border-radius:6px;padding:.5rem .7rem}dt{color:var(--dim);font-size:.8rem}\
    dd{margin:0;overflow-wrap:anywhere}.wide{overflow-x:auto}table{border-collapse:collapse;width:100%}\
    th,td{text-align:left;padding:.25rem .8rem .25rem 0;border-bottom:1px solid var(--line);white-space:nowrap}\
    th{color:var(--dim);font-weight:500;font-size:.8rem}\
    @media(max-width:40rem){th,td{white-space:normal;vertical-align:top}}
    """
}
