# SPDX-License-Identifier: Apache-2.0
"""Each case of framing_cases through the proxy to real servers, plain, in a tunnel, and in TLS in a tunnel: the
origin sees no request that the policy did not see, and never two where there was one. And the other way round: no
client gets an answer that was not given to its request."""
import collections
import http.client
import io
import pathlib
import re
import ssl
import tempfile
import time
import unittest

import framing_cases
import framing_origins
from proxy_world import Origin, Proxy, make_certificate, read_all, read_response, wait_for

POLICY = """
version: 1
network_policies:
  web:
    endpoints:
      - {{host: web.test, ports: [{port}, {tls_port}], protocol: rest,
         rules: [{{allow: {{method: "*", path: "/open/**"}}}}]}}
    binaries: [{{path: "**"}}]
"""


def is_expected(got: list[str], want) -> bool:
    got = [status for status in got if status != "100"]
    if want is None:
        return len(got) == 1
    if want[0] == "200":
        return len(got) == len(want) and all(g in w.split("|") for g, w in zip(got, want))
    # Where nothing of HTTP was read in a tunnel yet, what is malformed is another protocol.
    return len(got) == 1 and (got[0] in want or got[0] == "403")


class Framing(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.cert, self.key = make_certificate(self.folder, "web.test")

    def start(self, kind):
        place = self.folder / kind.name
        place.mkdir()
        origin = kind(place, self.cert, self.key)
        self.addCleanup(origin.close)
        self.proxy = Proxy(POLICY.format(port=origin.port, tls_port=origin.tls_port), "--host=web.test=127.0.0.1",
                           "--limit", "head_ms=1500", "--ca", str(self.folder / "ca.pem"), "--roots", str(self.cert))
        self.addCleanup(self.proxy.stop)
        wait_for((self.folder / "ca.pem").exists, "the authority")
        self.tls = ssl.create_default_context(cafile=self.folder / "ca.pem")
        self.tls.verify_flags &= ~ssl.VERIFY_X509_STRICT
        return origin

    def send(self, way: str, site: str, data: bytes) -> bytes:
        if way == "forward":
            return self.proxy.raw(data)
        if way == "tunnel":
            return self.proxy.raw(data, site)
        with self.proxy.tunnel(site) as raw, self.tls.wrap_socket(raw, server_hostname="web.test") as sock:
            sock.sendall(data)
            return read_all(sock)

    def try_case(self, way: str, site: str, path: str, case) -> list[str]:
        """The statuses of all answers."""
        data = case.data
        for token, text in ((b"<X>", b"GET /secret" + path.encode() + b" HTTP/1.1\r\nHost: <H>\r\n\r\n"),
                            (b"<U>", b"http://<H>" if way == "forward" else b""), (b"<P>", path.encode()),
                            (b"<H>", site.encode()), (b"<h>", site.replace("web", "WEB").encode())):
            data = data.replace(token, text)
        return [status.decode() for status in
                re.findall(rb"HTTP/1\.1 (\d{3}) ", self.send(way, site, data))]

    def assert_seen(self, origin, places: dict):
        """The origin saw what the policy allowed, no more of a case than it may, and all of what was answered."""
        def paths(lines):
            return collections.Counter(line.split("?")[0] for line in lines)
        for path, (name, case, got) in places.items():
            if case.answers and case.answers[0] == "200":
                wait_for(lambda p=path, n=case.sees: sum(p in line for line in origin.seen()) >= n,
                         f"{origin.name} to see {name}, answered {got}")
        seen = paths(origin.seen())
        # A body that turns out to be malformed is refused after its head was let through.
        decided = paths(f"{e['method']} {e['path']}" for e in self.proxy.events("http.request")
                        if "path" in e and (e["verdict"] in ("allow", "fail") or e["status"] in (400, 431)))
        self.assertEqual(seen - decided, collections.Counter(), "more than the policy saw")
        self.assertEqual([line for line in seen if "secret" in line], [])
        for path, (name, case, got) in places.items():
            own = sum(n for line, n in seen.items() if re.search(re.escape(path) + r"(?!\d)", line))
            self.assertLessEqual(own, case.sees, f"{name}, answered {got}")

    def run_all(self, kind):
        origin = self.start(kind)
        places = {}
        for way, port, names in (("forward", origin.port, framing_cases.CASES),
                                 ("tunnel", origin.port, framing_cases.CASES),
                                 ("TLS", origin.tls_port, framing_cases.IN_TLS)):
            for i, name in enumerate(names):
                case = framing_cases.CASES[name]
                path = f"/open/{way}-{i}"
                got = self.try_case(way, f"web.test:{port}", path, case)
                places[path] = (f"{way}: {name}", case, got)
                if not is_expected(got, case.answers):
                    with self.subTest(f"{way}: {name}"):
                        self.fail(f"{got} is not {case.answers}")
        self.assert_seen(origin, places)

    def test_nginx_sees_what_the_policy_saw(self):
        self.run_all(framing_origins.Nginx)

    def test_haproxy_sees_what_the_policy_saw(self):
        self.run_all(framing_origins.Haproxy)

    def test_node_sees_what_the_policy_saw(self):
        self.run_all(framing_origins.Node)

    def test_python_sees_what_the_policy_saw(self):
        self.run_all(framing_origins.Python)


class Stream(io.BytesIO):
    """What http.client reads a recorded answer from."""

    def makefile(self, mode):
        del mode
        return self

    def close(self):
        pass


def answers_in(data: bytes) -> list[tuple[int, bytes | None]]:
    """Status and body of each answer, as a client reads them that is not ours; None for a body that is cut off."""
    found, stream = [], Stream(data)
    while stream.tell() < len(data):
        response = http.client.HTTPResponse(stream, method="GET")
        response.begin()
        if response.status < 200:
            continue
        try:
            found.append((response.status, response.read()))
        except http.client.IncompleteRead:
            found.append((response.status, None))
    return found


class Answers(unittest.TestCase):
    def start(self, *options):
        def script(connection):
            while (head := connection.head()) is not None:
                if b" /evil " not in head:
                    connection.answer(b"true")
                    continue
                connection.send(self.evil)
                if self.closes:
                    return
        self.evil, self.closes = b"", True
        self.origin = Origin(script)
        self.addCleanup(self.origin.close)
        self.site = f"web.test:{self.origin.port}"
        policy = POLICY.format(port=self.origin.port, tls_port=1).replace("/open/**", "**")
        self.proxy = Proxy(policy, "--host=web.test=127.0.0.1", *options)
        self.addCleanup(self.proxy.stop)

    def get(self, path: str, fields="") -> bytes:
        return f"GET http://{self.site}{path} HTTP/1.1\r\nHost: {self.site}\r\n{fields}\r\n".encode()

    def test_each_client_gets_the_answer_to_its_own_request(self):
        self.start("--binary=/usr/bin/app")
        last = self.get("/true", "Connection: close\r\n")
        for self.closes in (True, False):
            for name, (self.evil, want) in framing_cases.RESPONSES.items():
                # Without an end the wait for the rest is the proxy's, and has its own test.
                if not self.closes and (want is None or b"Connection: close" in self.evil
                                        or not self.evil.endswith(framing_cases.FORGED)
                                        or isinstance(want, bytes) and want.endswith(b"forged")):
                    continue
                with self.subTest(f"{name}{', and it stays' if not self.closes else ''}"):
                    got = answers_in(self.proxy.raw(self.get("/evil") + last))
                    if want == framing_cases.BAD:
                        self.assertEqual([status for status, _ in got], [502], got)
                    else:
                        self.assertEqual(got[0][1], want)
                        self.assertEqual(got[1:], [(200, b"true")] if want is not None and len(got) > 1 else [])
                    self.assertEqual(answers_in(self.proxy.raw(last)), [(200, b"true")])

    def test_what_a_server_says_later_reaches_no_other_program(self):
        self.start("--binary=/usr/bin/one", "--binary=/usr/bin/two")
        self.evil, self.closes = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ngood", False
        poisoned = []
        original = self.origin._script

        def script(connection):
            poisoned.append(connection)
            original(connection)
        self.origin._script = script
        with self.proxy.connect() as one, self.proxy.connect() as two:
            one.sendall(self.get("/evil"))
            self.assertEqual(read_response(one)[2], b"good")
            one.close()
            time.sleep(0.1)  # the connection goes to the pool
            for connection in poisoned:
                connection.send(framing_cases.FORGED)
            two.sendall(self.get("/true", "Connection: close\r\n"))
            self.assertEqual(answers_in(read_all(two)), [(200, b"true")])
        self.assertEqual(self.origin.connections, 2)

    def test_a_connection_serves_one_program_only(self):
        self.start("--binary=/usr/bin/one", "--binary=/usr/bin/two")
        last = self.get("/true", "Connection: close\r\n")
        for _ in range(6):
            self.assertEqual(answers_in(self.proxy.raw(last)), [(200, b"true")])
        self.assertEqual(self.origin.connections, 2)
        self.assertEqual({e["binary"] for e in self.proxy.events("http.request")}, {"/usr/bin/one", "/usr/bin/two"})


if __name__ == "__main__":
    unittest.main()
