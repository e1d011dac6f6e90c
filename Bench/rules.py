"""What a rule costs, and what a second loop does."""
import statistics

import tokens
from connections import ROUNDS, SECONDS, Load, print_table
from partners import BINARY, LOAD_CORE, PROXY_CORE, free_port
from support.tokens import AUDIENCE, ISSUER

ROUTES = 1000


def tree(number):
    """A requirement of depth 4, another one for each number, that is decided at its last leaf."""
    return (f"{{ any: [{{ all: [{{ roles: [reader] }}, {{ any: [{{ roles: [none-{number}] }}, "
            f"{{ permissions: [do-{number}] }}] }}] }}, "
            f"{{ all: [{{ not: {{ any: [{{ roles: [suspended] }}, {{ scopes: [off-{number}] }}] }} }}, "
            f"{{ all: [{{ scopes: [read] }}, {{ not: {{ claims: {{ sub: nobody-{number} }} }} }}] }}] }}] }}")


def gateway(lab, upstream, name, cores=PROXY_CORE, workers=1, requirement=None):
    """A gateway with a thousand routes."""
    port = free_port()
    routes = "\n".join(
        f"  - {{ path: /r{number}, auth: issuer, upstream: app{f', require: {requirement(number)}' if requirement else ''} }}"
        for number in range(ROUTES))
    config = lab.write(f"{name}.conf", f"""
listeners: [{{ address: "127.0.0.1:{port}" }}]
workers: {workers}
log: {{ access: "off", level: error }}
providers:
  issuer:
    issuer: "{ISSUER}"
    audiences: [{AUDIENCE}]
    jwks_url: "http://127.0.0.1:{upstream.port}/jwks.json"
upstreams: {{ app: {{ servers: ["127.0.0.1:{upstream.port}"] }} }}
routes:
{routes}
""")
    return lab.start(name, cores, [BINARY, "serve", "--config", config], port)


def per_request(program, script, field):
    before = program.cpu_seconds()
    load = Load(f"http://127.0.0.1:{program.port}/", 64, SECONDS, field, script)
    if load.errors:
        raise SystemExit(f"{program.name}: {load.errors} errors")
    return (program.cpu_seconds() - before) / load.answered * 1e6


def in_pairs(one, other, script, field):
    """The medians of both, and of their differences and ratios, pair by pair."""
    pairs = [[per_request(program, script, field) for program in (one, other)] for _ in range(3 * ROUNDS)]
    return [statistics.median(figures) for figures in (
        [pair[0] for pair in pairs], [pair[1] for pair in pairs], [pair[1] - pair[0] for pair in pairs],
        [pair[1] / pair[0] for pair in pairs])]


def rules(lab, upstream):
    field = "Authorization: Bearer " + tokens.good("ES256", [1])[0]
    round_and_round = lab.write("routes.lua", f"""
local number = 0
function request()
  number = (number + 1) % {ROUTES}
  return wrk.format("GET", "/r" .. number)
end
""")
    plain, ruled = gateway(lab, upstream, "no rules"), gateway(lab, upstream, "rules", requirement=tree)
    print_table(f"{ROUTES:,} requirements of depth 4, in turn, µs of CPU per request",
                ["without", "with", "a rule costs", "times"],
                {"gateway": in_pairs(plain, ruled, round_and_round, field)})


def loops(lab, upstream):
    """Loops share nothing that they write: two of them cost a request what two processes of nginx do."""
    both = f"{PROXY_CORE},{LOAD_CORE}"
    plain = "Accept: */*"
    print_table("One loop and two, each with half of the connections, µs of CPU per request on two processors",
                ["one", "two", "difference", "times"], {
                    "nginx": in_pairs(*(
                        lab.nginx_proxy(upstream, f"nginx-{count}", both, count) for count in (1, 2)), None, plain),
                    "gateway": in_pairs(*(
                        lab.gateway(upstream, ISSUER, AUDIENCE, count, f"gateway-{count}", core=both)
                        for count in (1, 2)), None, plain)})
