# SPDX-License-Identifier: Apache-2.0
"""What the policy did not see, the origin does not see: whatever is sent, on the proxy itself and in
inspected tunnels. The origin's bytes are judged by readers that differ on everything servers differ on."""
import contextlib
import re
import unittest

from proxy_world import Origin, Proxy, polite, read_all, read_response

POLICY = """
version: 1
network_policies:
  web:
    endpoints:
      - {{host: web.test, port: {port}, protocol: rest, enforcement: enforce,
         rules: [{{allow: {{method: "*", path: "/open/**"}}}}]}}
    binaries: [{{path: "**"}}]
"""

HIDDEN = b"GET /secret HTTP/1.1\r\nHost: web.test\r\n\r\n"

# Each is a head after its request line and Host, and a body; nothing of it may reach the origin.
REFUSED = {
    "length and chunks": (b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n", b"0\r\n\r\n" + HIDDEN),
    "chunks and length": (b"Transfer-Encoding: chunked\r\nContent-Length: 4\r\n", b"0\r\n\r\n" + HIDDEN),
    "two lengths": (b"Content-Length: 0\r\nContent-Length: 44\r\n", HIDDEN),
    "a list of lengths": (b"Content-Length: 0, 44\r\n", HIDDEN),
    "a signed length": (b"Content-Length: +0\r\n", HIDDEN),
    "a length in hexadecimal": (b"Content-Length: 0x0\r\n", HIDDEN),
    "a length with a blank inside": (b"Content-Length: 4 4\r\n", HIDDEN),
    "a length beyond 64 bits": (b"Content-Length: 18446744073709551616\r\n", HIDDEN),
    "a negative length": (b"Content-Length: -1\r\n", HIDDEN),
    "a blank before the colon": (b"Content-Length : 44\r\n", HIDDEN),
    "a tab before the colon": (b"Transfer-Encoding\t: chunked\r\n", b"0\r\n\r\n" + HIDDEN),
    "a folded coding": (b"Transfer-Encoding:\r\n chunked\r\n", b"0\r\n\r\n" + HIDDEN),
    "a coding behind a fold": (b"X: y\r\n Transfer-Encoding: chunked\r\n", b"0\r\n\r\n" + HIDDEN),
    "an unknown coding": (b"Transfer-Encoding: xchunked\r\n", b"0\r\n\r\n" + HIDDEN),
    "chunked and then another": (b"Transfer-Encoding: chunked, identity\r\n", b"0\r\n\r\n" + HIDDEN),
    "another and then chunked": (b"Transfer-Encoding: identity, chunked\r\n", b"0\r\n\r\n" + HIDDEN),
    "chunked twice": (b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
                      b"0\r\n\r\n" + HIDDEN),
    "a coding in quotes": (b'Transfer-Encoding: "chunked"\r\n', b"0\r\n\r\n" + HIDDEN),
    "a coding with a parameter": (b"Transfer-Encoding: chunked;a=b\r\n", b"0\r\n\r\n" + HIDDEN),
    "a coding after a vertical tab": (b"Transfer-Encoding: \x0bchunked\r\n", b"0\r\n\r\n" + HIDDEN),
    "a coding with NUL": (b"Transfer-Encoding: chunked\0\r\n", b"0\r\n\r\n" + HIDDEN),
    "a bare line feed": (b"X: y\nTransfer-Encoding: chunked\r\n", b"0\r\n\r\n" + HIDDEN),
    "a bare carriage return": (b"X: y\rTransfer-Encoding: chunked\r\n", b"0\r\n\r\n" + HIDDEN),
    "a second Host": (b"Host: other.test\r\n", b""),
    "a Host behind a fold": (b"X: y\r\n Host: other.test\r\n", b""),
    "Connection names the length": (b"Content-Length: 44\r\nConnection: content-length\r\n", HIDDEN),
    "Connection names the coding": (b"Transfer-Encoding: chunked\r\nConnection: transfer-encoding\r\n",
                                    b"0\r\n\r\n" + HIDDEN),
    "Connection names Host": (b"Connection: close, host\r\n", b""),
    "a field without a colon": (b"GET /secret HTTP/1.1\r\n", b""),
    "a name with a blank": (b"Transfer Encoding: chunked\r\n", b"0\r\n\r\n" + HIDDEN),
    "an expectation that is not known": (b"Expect: 200-ok\r\nContent-Length: 44\r\n", HIDDEN),
}

# The head passes, the body is refused: the origin sees what came before the fault, and no second request.
BAD_CHUNKS = {
    "a size with a sign": b"+2c\r\n" + HIDDEN + b"\r\n0\r\n\r\n",
    "a size with a prefix": b"0x2c\r\n" + HIDDEN + b"\r\n0\r\n\r\n",
    "a size with a blank": b"2c \r\n" + HIDDEN + b"\r\n0\r\n\r\n",
    "a size with an underscore": b"2_c\r\n" + HIDDEN + b"\r\n0\r\n\r\n",
    "a size that overflows": b"1000000000000002c\r\n" + HIDDEN + b"\r\n0\r\n\r\n",
    "no size": b"\r\n" + HIDDEN + b"\r\n0\r\n\r\n",
    "a size that ends in a line feed": b"2c\n" + HIDDEN + b"\r\n0\r\n\r\n",
    "a line feed in an extension": b"2;x\ny\r\nab\r\n0\r\n\r\n" + HIDDEN,
    "data longer than its size": b"1\r\nab\r\n0\r\n\r\n" + HIDDEN,
    "data that ends in a line feed": b"1\r\na\n0\r\n\r\n" + HIDDEN,
    "a request among the trailers": b"0\r\n" + HIDDEN,
    "a folded trailer": b"0\r\nX: y\r\n z\r\n\r\n" + HIDDEN,
    "a trailer that ends in a line feed": b"0\r\nX: y\n\r\n" + HIDDEN,
    "an end with a line feed": b"0\r\n\n" + HIDDEN,
}

# Refused by path, however it is written.
PATHS = [b"/secret", b"/open/../secret", b"/open/%2e%2e/secret", b"/open/..%2fsecret", b"/open/..%5csecret",
         b"/open/x/../../secret", b"/open;x/../secret", b"/%6fpen/..;/secret", b"//secret", b"/OPEN/x",
         b"/open/..\\secret", b"/open", b"/open/%00", b"/open/%", b"/open/%zz", b"/open/\x80",
         b"/../open/x", b"/open/a/%2e%2e/%2e%2e/secret", b"/open/%252e%252e/../../secret",
         b"/open/..;/secret", b"/open/..%3b/secret", b"/open/..%3B/secret", b"/open/.;x/secret",
         b"/open/%2e%2e;x=1/secret", b"/open/%252e%252e/secret", b"/open/%25252e./secret",
         b"/open/..%252fsecret", b"/open/..%255csecret", b"/open/x%252fy", b"/open/x%5cy", b"/open/x\\y",
         b"/open/%c0%ae%c0%ae/secret", b"/open/..%c0%afsecret", b"/open/..%e0%80%afsecret", b"/open/%2500"]


def readers():
    """How servers have been seen to split a stream into requests."""
    for line_end in (rb"\r\n", rb"\r?\n", rb"(?:\r\n|\r(?!\n)|\n)"):
        for prefers_length in (True, False):
            yield line_end, prefers_length


def requests_in(data: bytes, line_end: bytes, prefers_length: bool) -> list[bytes]:
    """The request lines of a stream, as such a server reads it."""
    found = []
    while data := data.lstrip(b"\r\n"):
        parts = re.split(line_end + line_end, data, maxsplit=1)
        head, rest = parts[0], parts[1] if len(parts) > 1 else b""
        found.append(re.split(line_end, head)[0])
        length = re.search(rb"(?im)^content-length[ \t]*:[ \t]*\+?(\d+)", head)
        chunked = re.search(rb"(?im)^transfer-encoding[ \t]*:.*chunked", head)
        if length and (prefers_length or not chunked):
            rest = rest[int(length[1]):]
        elif chunked:
            rest = after_chunks(rest, line_end)
        data = rest
    return found


def after_chunks(data: bytes, line_end: bytes) -> bytes:
    while (match := re.match(rb"\s*\+?(?:0x)?([0-9a-fA-F]+)[^\r\n]*" + line_end, data)):
        data = data[match.end():]
        size = int(match[1], 16)
        if size == 0:
            end = re.search(line_end, data)
            return data[end.end():] if end else b""
        data = data[size:]
    return data


class Smuggling(unittest.TestCase):
    def setUp(self):
        self.origin = Origin(polite)
        self.addCleanup(self.origin.close)
        self.site = f"web.test:{self.origin.port}"
        self.proxy = Proxy(POLICY.format(port=self.origin.port), "--host", "web.test=127.0.0.1",
                           "--limit", "head_ms=2000")
        self.addCleanup(self.proxy.stop)

    def ways(self):
        """On the proxy itself and in a tunnel: how a target is written, and what to open before."""
        yield "forward", b"http://" + self.site.encode(), None
        yield "tunnel", b"", self.site

    def assert_origin_saw(self, *lines: bytes):
        """All readers agree on the requests, of all connections together."""
        for line_end, prefers_length in readers():
            got = [line for seen in self.origin.seen
                   for line in requests_in(bytes(seen), line_end, prefers_length)]
            self.assertEqual(got, list(lines), (line_end, prefers_length))

    def send(self, prefix, tunnel, fields, body, path=b"/open/a", method=b"POST", version=b"1.1"):
        head = b"%s %s%s HTTP/%s\r\nHost: %s\r\n%s\r\n" % (
            method, prefix, path, version, self.site.encode(), fields)
        return self.proxy.raw(head + body, tunnel)

    def test_a_head_that_can_be_read_in_two_ways_reaches_nobody(self):
        for way, prefix, tunnel in self.ways():
            for name, (fields, body) in REFUSED.items():
                with self.subTest(f"{way}: {name}"):
                    answer = self.send(prefix, tunnel, fields, body)
                    self.assertRegex(answer, rb"\AHTTP/1.1 (400|417|501) [^\r]*\r\n")
                    self.assertEqual(answer.count(b"HTTP/1.1 "), 1)
                    self.assertEqual(self.origin.connections, 0)

    def test_a_body_that_can_be_read_in_two_ways_ends_the_connection(self):
        for way, prefix, tunnel in self.ways():
            for name, body in BAD_CHUNKS.items():
                with self.subTest(f"{way}: {name}"):
                    answer = self.send(prefix, tunnel, b"Transfer-Encoding: chunked\r\n", body)
                    self.assertRegex(answer, rb"\AHTTP/1.1 400 ")
                    self.assertEqual(answer.count(b"HTTP/1.1 "), 1)
                    self.assertNotIn(b"GET /secret", self.origin.all_bytes())

    def test_a_path_means_the_same_to_policy_and_origin(self):
        for way, prefix, tunnel in self.ways():
            for path in PATHS:
                with self.subTest(f"{way}: {path}"):
                    answer = self.send(prefix, tunnel, b"", b"", path=path, method=b"GET")
                    self.assertRegex(answer, rb"\AHTTP/1.1 (400|403) ")
                    self.assertEqual(self.origin.connections, 0)

    def test_a_field_that_makes_another_request_of_it_is_decided_on_too(self):
        for way, prefix, tunnel in self.ways():
            for field in (b"X-Original-URL: /secret", b"X-Rewrite-URL: /open/../secret",
                          b"X_ORIGINAL_URL: /secret"):
                with self.subTest(f"{way}: {field}"):
                    answer = self.send(prefix, tunnel, field + b"\r\n", b"", method=b"GET")
                    self.assertRegex(answer, rb"\AHTTP/1.1 403 ")
                    self.assertEqual(self.origin.connections, 0)

    def test_a_path_is_sent_in_the_form_that_was_decided_on(self):
        for way, prefix, tunnel in self.ways():
            with self.subTest(way):
                self.origin.forget()
                self.send(prefix, tunnel, b"Connection: close\r\n", b"", method=b"GET",
                          path=b"/x/%2e./open//a;p/%7Eb/./c%3b?q=/../secret&%2F")
                self.assert_origin_saw(b"GET /open/a/~b/c%3B?q=/../secret&%2F HTTP/1.1")

    def test_pipelined_requests_are_decided_one_by_one(self):
        for way, prefix, tunnel in self.ways():
            with self.subTest(way):
                self.origin.forget()
                good = b"POST %s/open/%%d HTTP/1.1\r\nHost: %s\r\nContent-Length: 3\r\n\r\nabc" % (
                    prefix, self.site.encode())
                bad = b"GET %s/secret HTTP/1.1\r\nHost: %s\r\n\r\n" % (prefix, self.site.encode())
                answer = self.proxy.raw(good % 1 + good % 2 + bad + good % 3, tunnel)
                self.assertEqual(re.findall(rb"HTTP/1.1 (\d+)", answer), [b"200", b"200", b"403"])
                self.assert_origin_saw(b"POST /open/1 HTTP/1.1", b"POST /open/2 HTTP/1.1")

    def test_a_request_within_a_body_stays_a_body(self):
        chunk = b"%x\r\n%s\r\n0\r\n\r\n" % (len(HIDDEN), HIDDEN)
        for way, prefix, tunnel in self.ways():
            for name, fields, body in (
                    ("length", b"Content-Length: %d\r\n" % len(HIDDEN), HIDDEN),
                    ("the same length twice", b"Content-Length: %d\r\n" % len(HIDDEN) * 2, HIDDEN),
                    ("chunks", b"Transfer-Encoding: chunked\r\n", chunk),
                    ("chunks with an extension", b"Transfer-Encoding: chunked\r\n",
                     b"%x;a=b\r\n%s\r\n0;c\r\nT: u\r\n\r\n" % (len(HIDDEN), HIDDEN))):
                with self.subTest(f"{way}: {name}"):
                    self.origin.forget()
                    answer = self.send(prefix, tunnel, fields + b"Connection: close\r\n", body)
                    self.assertTrue(answer.endswith(b"POST /open/a %d\n" % len(HIDDEN)), answer)
                    self.assert_origin_saw(b"POST /open/a HTTP/1.1")

    def test_the_rest_of_a_body_that_was_answered_early_is_no_request(self):
        def hasty(connection):
            connection.head()
            connection.answer(b"early\n")
            while connection.more():
                pass
        origin = Origin(hasty)
        self.addCleanup(origin.close)
        site = f"web.test:{origin.port}".encode()
        proxy = Proxy(POLICY.format(port=origin.port), "--host", "web.test=127.0.0.1")
        self.addCleanup(proxy.stop)
        inner = b"POST /open/inner HTTP/1.1\r\nHost: %s\r\nContent-Length: 0\r\n\r\n" % site
        for framing, rest in ((b"Content-Length: %d" % (len(inner) + 1), inner),
                              (b"Transfer-Encoding: chunked", b"%x\r\n%s\r\n0\r\n\r\n" % (
                                  len(inner), inner))):
            with self.subTest(framing), proxy.tunnel(site.decode()) as sock:
                sock.sendall(b"POST /open/a HTTP/1.1\r\nHost: %s\r\n%s\r\n\r\n" % (site, framing))
                self.assertEqual(read_response(sock)[2], b"early\n")
                with contextlib.suppress(OSError):
                    sock.sendall(b"x" * framing.startswith(b"Content") + rest)
                self.assertEqual(read_all(sock), b"")
        self.assertEqual([e["path"] for e in proxy.events("http.request")], ["/open/a"] * 2)

    def test_fields_that_end_here_do_not_go_on(self):
        for way, prefix, tunnel in self.ways():
            with self.subTest(way):
                self.origin.forget()
                self.send(prefix, tunnel, b"Connection: close, x-mine\r\nX-Mine: 1\r\nTE: trailers\r\n"
                          b"Keep-Alive: 5\r\nProxy-Authorization: Basic eDp5\r\nUpgrade: h2c\r\n"
                          b"Proxy-Connection: keep-alive\r\nTrailer: X\r\nX-Other: 2\r\n", b"",
                          method=b"GET")
                fields = [line.split(b":")[0].lower()
                          for line in self.origin.all_bytes().split(b"\r\n")[1:-2]]
                self.assertEqual(sorted(set(fields) - {b"via"}), [b"host", b"x-other"])

    def test_host_and_target_must_agree(self):
        port = self.origin.port
        for target, host in ((b"http://web.test:%d/open/a" % port, b"other.test:%d" % port),
                             (b"http://web.test:%d/open/a" % port, b"web.test"),
                             (b"http://web.test:%d/open/a" % port, b"web.test:%d" % (port - 1)),
                             (b"http://web.test:%d/open/a" % port, b"127.0.0.1:%d" % port)):
            with self.subTest(f"{target} {host}"):
                answer = self.proxy.raw(b"GET %s HTTP/1.1\r\nHost: %s\r\n\r\n" % (target, host))
                self.assertIn(b'"error":"request_authority_mismatch"', answer)
        for target, host in ((b"/open/a", b"other.test:%d" % port), (b"/open/a", b"web.test:1"),
                             (b"http://other.test:%d/open/a" % port, b"web.test:%d" % port),
                             (b"https://web.test:%d/open/a" % port, b"web.test:%d" % port)):
            with self.subTest(f"tunnel {target} {host}"):
                answer = self.proxy.raw(b"GET %s HTTP/1.1\r\nHost: %s\r\n\r\n" % (target, host),
                                        self.site)
                self.assertIn(b'"error":"request_authority_mismatch"', answer)
        self.assertEqual(self.origin.connections, 0)

    def test_host_is_sent_in_the_form_that_was_decided_on(self):
        port = self.origin.port
        for way, target, host, tunnel in (
                ("forward", b"http://WEB.test.:%d/open/a" % port, b"Web.Test:%d" % port, None),
                ("tunnel without a port", b"/open/a", b"WEB.test.", self.site),
                ("tunnel with the whole URL", b"http://web.test:%d/open/a" % port,
                 b"web.TEST:%d" % port, self.site)):
            with self.subTest(way):
                self.origin.forget()
                self.proxy.raw(b"GET %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n"
                               % (target, host), tunnel)
                self.assertIn(b"\r\nHost: web.test:%d\r\n" % port, self.origin.all_bytes())

    def test_bytes_one_by_one_are_read_like_bytes_at_once(self):
        request = (b"POST /open/a HTTP/1.1\r\nHost: %s\r\nTransfer-Encoding: chunked\r\n\r\n"
                   b"3\r\nabc\r\n0\r\n\r\n" % self.site.encode())
        with self.proxy.tunnel(self.site) as sock:
            for i in range(len(request)):
                sock.sendall(request[i:i + 1])
            self.assertEqual(read_response(sock)[2], b"POST /open/a 3\n")
        self.assert_origin_saw(b"POST /open/a HTTP/1.1")


if __name__ == "__main__":
    unittest.main()
