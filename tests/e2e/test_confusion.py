# SPDX-License-Identifier: Apache-2.0
"""A destination that is named twice, in two ways, is one destination, or it is refused.

Each row says how a program gets to the proxy and what it names on the way: there, in TLS, in the URL and in the
Host field. What the origin saw, and under which name, is part of the outcome, so a refused row that reached it
does not read like a refused one."""
import itertools
import json
import pathlib
import re
from collections.abc import Iterator
from typing import NamedTuple

from internet import PUBLIC
from test_combined import HERE, HERE6, Shared

CLIENT = (pathlib.Path(__file__).resolve().parent / "confused_client.py").read_text()
IDNA, UTF8 = "xn--mnchen-3ya.test", "münchen.test"
POLICY = f"""version: 1
network_policies:
  named:
    endpoints:
      - {{host: api.test, port: 80, protocol: rest, access: full}}
      - {{host: api.test, port: 443, protocol: rest, access: full}}
      - {{host: python.test, port: 80, protocol: rest, access: full}}
      - {{host: python.test, port: 443, protocol: rest, access: full}}
      - {{host: {IDNA}, port: 80, protocol: rest, access: full}}
      - {{host: sealed.test, port: 443, tls: skip}}
      - {{host: raw.test, port: 80}}
      - {{host: raw.test, port: 443}}
      - {{host: {PUBLIC}, port: 80, protocol: rest, access: full}}
      - {{host: {PUBLIC}, port: 443}}
    binaries: [{{path: /usr/bin/python3*}}]
"""
MISMATCH, MALFORMED, DENIED = "request_authority_mismatch", "bad_request", "policy_denied"
OTHERS = ("python.test", "other.test", "sub.api.test", "api.test.other.test", HERE)
# One address in spellings that only some programs read.
SPELLINGS = ("0x0b.1", "0x0b000001", "184549377", "013.0.0.1", "11.1", "11.0.0.1x")
LOOPBACK = ("127.0.0.1", "0x7f.1", "2130706433", "0177.0.0.1", "127.1", "[::1]", "[::ffff:127.0.0.1]", "localhost")


class Row(NamedTuple):
    """`url`, `host`: of the request; None: none. `outer`: the Host field of the CONNECT."""

    way: str
    to: str
    outcome: str
    port: int = 80
    tls: bool = False
    sni: str = ""
    url: str = ""
    host: str | None = "api.test"
    outer: str = ""
    raw_hello: bool = False
    encrypted: bool = False

    def case(self, number: int, port: int) -> dict:
        field = "" if self.host is None else f"Host: {self.host}\r\n"
        version = "1.0" if self.host is None else "1.1"
        return {**self._asdict(), "source_port": port, "request": f"GET {self.url}/row-{number} HTTP/{version}\r\n{field}\r\n"}


def served(host: str) -> str:
    return f"200 {host}"


def in_plain_tunnels() -> Iterator[Row]:
    hosts = {name: served("api.test") for name in ("api.test", "API.Test", "api.test.", "api.test:80", None)}
    hosts |= {name: MISMATCH for name in (*OTHERS, IDNA, "api.test:443", "api.test.:8080", "0x7f.1", "127.1",
                                          "2130706433", f"[::ffff:{HERE}]", f"[{HERE6}]", "api.test..")}
    hosts |= {name: MALFORMED for name in ("", "api.test:", "u@api.test", "api.test@other.test", UTF8,
                                           "api.test,other.test", "api.test other.test", "api.test/x",
                                           "api.test\r\nHost: api.test", "api.test:080", "[api.test]")}
    urls = {url: served("api.test") for url in ("http://api.test", "HTTP://API.test.:80")}
    urls |= {f"http://{name}": MISMATCH for name in (*OTHERS, "api.test:443", "0x7f.1")}
    urls |= {"https://api.test": MISMATCH, "http://u@api.test": MALFORMED, "http://api.test\\@other.test": MALFORMED,
             f"http://{UTF8}": MALFORMED, "http://": MALFORMED, "//other.test": served("api.test")}
    for way in ("connect", "dns"):
        yield from (Row(way, "api.test", outcome, host=host) for host, outcome in hosts.items())
        yield from (Row(way, "api.test", outcome, url=url) for url, outcome in urls.items())
        yield Row(way, "api.test", MISMATCH, url="http://api.test", host="other.test")
        yield Row(way, IDNA, served(IDNA), host=IDNA)
        yield Row(way, IDNA.upper(), served(IDNA), host=IDNA)
        yield Row(way, IDNA, MALFORMED, host=UTF8)
        yield Row(way, "API.TEST.", served("api.test"))
        yield Row(way, "raw.test", served("raw.test"), host="raw.test")


def in_inspected_tls() -> Iterator[Row]:
    for way in ("connect", "dns"):
        for sni in ("api.test", "API.Test", ""):
            yield Row(way, "api.test", served("api.test"), 443, True, sni)
            yield Row(way, "api.test", MISMATCH, 443, True, sni, host="python.test")
            yield Row(way, "api.test", MISMATCH, 443, True, sni, host="api.test:80")
            yield Row(way, "api.test", MISMATCH, 443, True, sni, url="https://python.test")
            yield Row(way, "api.test", MISMATCH, 443, True, sni, url="http://api.test")
        yield Row(way, "api.test", served("api.test"), 443, True, "api.test", url="https://api.test:443")
        for sni in ("python.test", "other.test", "sub.api.test"):
            yield Row(way, "api.test", "unrecognized_name", 443, True, sni)
            yield Row(way, "api.test", "unrecognized_name", 443, True, sni, host=sni)
        for sni in (*OTHERS, "api.test.", UTF8, "u@api.test", "0x7f.1"):
            yield Row(way, "api.test", "unrecognized_name", 443, True, sni, raw_hello=True)
        yield Row(way, "api.test", "unrecognized_name", 443, True, "api.test\0.other.test", raw_hello=True)
        yield Row(way, "api.test", "hello", 443, True, "api.test", encrypted=True)
        yield Row(way, "api.test", "unrecognized_name", 443, True, "python.test", encrypted=True)


def in_tls_that_is_not_opened() -> Iterator[Row]:
    for way in ("connect", "dns"):
        for to in ("sealed.test", "raw.test"):
            for sni in (to, to.upper(), ""):
                yield Row(way, to, served(to), 443, True, sni, host=to)
            for sni in ("api.test", "other.test", f"sub.{to}"):
                yield Row(way, to, "closed", 443, True, sni, host=sni)
            for sni in ("api.test", f"{to}.", UTF8, "u@api.test", "0x7f.1", HERE, f"{to}\0.api.test"):
                yield Row(way, to, "closed", 443, True, sni, raw_hello=True)
            yield Row(way, to, "hello", 443, True, to, encrypted=True)
            yield Row(way, to, "closed", 443, True, "other.test", encrypted=True)


def targets_of_connect() -> Iterator[Row]:
    # The target is what is decided on; the Host field beside it goes nowhere.
    yield Row("connect", "api.test", served("api.test"), outer="other.test")
    yield Row("connect", "other.test", DENIED, outer="api.test:80")
    yield Row("connect", "other.test", DENIED, 443, outer="api.test:443")
    yield Row("connect", "api.test", DENIED, 8080)
    yield Row("connect", HERE, DENIED)
    for host in ("u@api.test", "api.test@other.test", UTF8, "http://api.test", "api.test:80", "api.test..", ""):
        yield Row("connect", host, MALFORMED)
    for host in SPELLINGS:
        yield Row("connect", host, DENIED if host == "11.0.0.1x" else MALFORMED)
    yield Row("connect", f"[::ffff:{PUBLIC}]", served(PUBLIC), host=PUBLIC)
    yield Row("connect", "[::ffff:b00:1]", served(PUBLIC), host=PUBLIC)
    for host in LOOPBACK:
        known = host.startswith("[") or host in ("127.0.0.1", "localhost")
        yield Row("connect", host, DENIED if known else MALFORMED)


def absolute_urls() -> Iterator[Row]:
    same = {"http://api.test": "api.test", "http://API.Test.:80": "api.test", "HTTP://api.test": "api.test.:80"}
    yield from (Row("absolute", "", served("api.test"), url=url, host=host) for url, host in same.items())
    yield Row("absolute", "", served("api.test"), url="http://api.test", host=None)
    yield Row("absolute", "", served("raw.test"), url="http://raw.test", host="raw.test")
    for url in ("http://api.test", "http://raw.test"):
        for host in (*OTHERS, "api.test:443", "0x7f.1", f"[::ffff:{HERE}]"):
            yield Row("absolute", "", MISMATCH, url=url, host=host)
    for host in ("u@api.test", UTF8, "", "api.test,other.test"):
        yield Row("absolute", "", MALFORMED, url="http://api.test", host=host)
    for host in ("u@api.test", "api.test@other.test", "api.test:80@other.test", "api.test\\@other.test",
                 "api.test#@other.test", UTF8, "api.test..", "127.1", "0x7f.1", "2130706433", "0177.0.0.1"):
        yield Row("absolute", "", MALFORMED, url=f"http://{host}", host="api.test")
    yield Row("absolute", "", DENIED, url="http://other.test", host="other.test")
    yield Row("absolute", "", DENIED, url="http://[::ffff:127.0.0.1]", host="[::ffff:127.0.0.1]")
    yield Row("absolute", "", MALFORMED, url="http://api.test:443.")
    yield Row("absolute", "", "unsupported_proxy_scheme", url="https://api.test")
    yield Row("absolute", "", "not_a_proxy_request", url="")
    yield Row("absolute", "", "not_a_proxy_request", url="//api.test")
    yield Row("absolute", "", served(PUBLIC), url=f"http://[::ffff:{PUBLIC}]", host=PUBLIC)


def addresses_without_a_proxy() -> Iterator[Row]:
    yield Row("address", PUBLIC, served(PUBLIC), host=PUBLIC)
    for spelling in ("0x0b.1", "184549377", "013.0.0.1", "11.1", f"::ffff:{PUBLIC}"):
        yield Row("address", spelling, served(PUBLIC), host=PUBLIC)
    for host in ("api.test", "0x0b.1", "184549377", f"{PUBLIC}:443", f"[::ffff:{HERE}]"):
        yield Row("address", PUBLIC, MISMATCH, host=host)
    yield Row("address", PUBLIC, served(PUBLIC), host=f"[::ffff:{PUBLIC}]")
    yield Row("address", PUBLIC, MISMATCH, url="http://api.test", host=PUBLIC)
    # The policy names the address, and no name that TLS could differ from.
    yield Row("address", PUBLIC, served("api.test"), 443, True, "api.test")
    for to in (HERE, HERE6, f"::ffff:{HERE}", "198.18.255.254"):
        yield Row("address", to, DENIED)
        yield Row("address", to, DENIED, url="http://api.test")
        for sni in ("api.test", "raw.test", ""):
            yield Row("address", to, "access_denied", 443, True, sni)


def names_without_a_proxy() -> Iterator[Row]:
    for name in ("other.test", "sub.api.test", "api.test.other.test", UTF8, "u@api.test", "test",
                 *SPELLINGS, PUBLIC, "localhost", "127.1", "0x7f.1", "2130706433"):
        yield Row("dns", name, "nxdomain")
    yield Row("dns", "api.test", DENIED, 8080)
    yield Row("dns", "sealed.test", DENIED)
    yield Row("dns", IDNA, "access_denied", 443, True, "api.test")


class Confusion(Shared):
    policy = POLICY
    # No two connections share one: where the packet filter has to tell two apart, it changes the source port, and
    # the program behind it is not found.
    source_ports = itertools.count(20000)

    def outcomes(self, rows: list[Row]) -> list[str]:
        """What the program was told, and under which name the origin was asked."""
        cases = [row.case(i, next(self.source_ports)) for i, row in enumerate(rows)]
        done = self.rig.run("python3", "-c", CLIENT, json.dumps(cases))
        told = done.stdout.decode().splitlines()
        self.assertEqual(len(told), len(rows), done.stderr.decode())
        self.arrived = self.rig.net.arrived()
        for request in self.arrived:
            if "path" in request:
                told[int(re.fullmatch(r".*/row-(\d+)", request["path"])[1])] += f" {request['host']}"
        return told

    def assert_outcomes(self, rows: Iterator[Row]) -> None:
        rows = list(rows)
        for row, outcome in zip(rows, self.outcomes(rows), strict=True):
            with self.subTest(row=row):
                self.assertEqual(outcome, row.outcome)
        asked = {line["host"] for line in self.arrived if line["scheme"] == "dns"}
        self.assertLessEqual(asked, {"api.test", "raw.test", "sealed.test", IDNA})

    def test_host_and_url_in_a_tunnel_name_the_tunnels_host(self):
        self.assert_outcomes(in_plain_tunnels())

    def test_tls_that_is_opened_names_the_tunnels_host(self):
        self.assert_outcomes(in_inspected_tls())

    def test_tls_that_is_not_opened_names_the_tunnels_host(self):
        self.assert_outcomes(in_tls_that_is_not_opened())

    def test_the_target_of_connect_is_one_host_in_one_spelling(self):
        self.assert_outcomes(targets_of_connect())

    def test_an_absolute_url_and_its_host_field_name_one_host(self):
        self.assert_outcomes(absolute_urls())

    def test_an_address_is_an_address_whatever_names_are_beside_it(self):
        self.assert_outcomes(addresses_without_a_proxy())

    def test_a_name_that_the_policy_does_not_spell_is_no_host(self):
        self.assert_outcomes(names_without_a_proxy())
