# SPDX-License-Identifier: Apache-2.0
"""framing_cases: requests that servers have been seen to read in different ways, and those that look like them
but are right.

In the bytes <P> stands for the allowed path of the case, <U> for what a target begins with, <H> for host and
port (<h> in other letters), <X> for a request that the policy refuses, put where it must not be found.

`answers` that begin with 200 are those that the client gets one after the other; others are alternatives for the one
that it gets; None is one answer, whatever it is. `sees` is how many requests the origin may see."""

REFUSED = ("400",)
OK = ("200",)
INNER = b"GET /secret HTTP/1.1\r\nHost: other.test\r\n\r\n"


class Case:
    def __init__(self, data: bytes, answers, sees=None):
        self.data, self.answers = data, answers
        self.sees = sees if sees is not None else (1 if answers in (OK, None) else 0)


def post(fields: bytes, body: bytes = b"<X>", answers=REFUSED, sees=None) -> Case:
    return Case(b"POST <U><P> HTTP/1.1\r\nHost: <H>\r\nConnection: close\r\n" + fields + b"\r\n" + body, answers,
                sees)


def line(first: bytes, answers=REFUSED, sees=None, fields=b"Connection: close\r\n") -> Case:
    return Case(first + b"\r\nHost: <H>\r\n" + fields + b"\r\n", answers, sees)


def chunks(body: bytes, answers=REFUSED, sees=None) -> Case:
    """The head passes before its body is read, so the origin may have seen it."""
    return post(b"Transfer-Encoding: chunked\r\n", body, answers, 1 if sees is None else sees)


LENGTHS = {f"length {name}": post(b"Content-Length: " + value + b"\r\n") for name, value in {
    "with a plus": b"+0", "negative": b"-1", "in hexadecimal": b"0x0", "in octal with o": b"0o0",
    "with a blank inside": b"4 4", "with a tab inside": b"0\t4", "of two in a list": b"0, 44",
    "of two equal in a list": b"0, 0", "with a comma behind": b"0,", "with a comma before": b",0",
    "with a point": b"0.0", "with an exponent": b"0e1", "with an underscore": b"0_0", "in words": b"zero",
    "empty": b"", "in quotes": b'"0"', "with a parameter": b"0;a=b", "of 2^64": b"18446744073709551616",
    "of 2^64 plus 44": b"18446744073709551660", "of 2^63": b"9223372036854775808",
    "of 100 digits": b"9" * 100, "with a NUL": b"0\0", "with a vertical tab": b"\x0b0",
    "with a form feed": b"0\x0c", "with a no-break space": b"\xa00", "in Arabic digits": "\u0660".encode(),
    "in full-width digits": "\uff10".encode(), "with a CR inside": b"0\r4", "with an LF inside": b"0\n4",
}.items()}

TWICE = {
    "two lengths": post(b"Content-Length: 0\r\nContent-Length: 44\r\n"),
    "two lengths the other way round": post(b"Content-Length: 44\r\nContent-Length: 0\r\n"),
    "two lengths, one malformed": post(b"Content-Length: 0\r\nContent-Length: x\r\n"),
    "two lengths in two cases": post(b"Content-Length: 0\r\ncONTENT-lENGTH: 44\r\n"),
    "the same length twice": post(b"Content-Length: 3\r\nContent-Length: 3\r\n", b"abc", OK),
    "a length with zeros before": post(b"Content-Length: 0003\r\n", b"abc", OK),
    "length and chunks": post(b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n", b"0\r\n\r\n<X>"),
    "chunks and length": post(b"Transfer-Encoding: chunked\r\nContent-Length: 4\r\n", b"0\r\n\r\n<X>"),
    "a length of zero and chunks": post(b"Content-Length: 0\r\nTransfer-Encoding: chunked\r\n",
                                        b"0\r\n\r\n<X>"),
    "length and an unknown coding": post(b"Content-Length: 0\r\nTransfer-Encoding: x\r\n", answers=("400", "501")),
    "length and chunks in HTTP/1.0": Case(b"POST <U><P> HTTP/1.0\r\nHost: <H>\r\nContent-Length: 4\r\n"
                                          b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n<X>", REFUSED),
    "chunks in HTTP/1.0": Case(b"POST <U><P> HTTP/1.0\r\nHost: <H>\r\nTransfer-Encoding: chunked\r\n\r\n"
                               b"0\r\n\r\n<X>", REFUSED),
    "a length with an underscore for the dash": post(b"Content_Length: 44\r\n"),
    "a coding with an underscore for the dash": post(b"Transfer_Encoding: chunked\r\n", b"0\r\n\r\n<X>"),
}

CODINGS = {f"coding {name}": post(field + b"\r\n", b"0\r\n\r\n<X>", ("400", "501")) for name, field in {
    "unknown": b"Transfer-Encoding: xchunked", "cut short": b"Transfer-Encoding: chunke",
    "with a tail": b"Transfer-Encoding: chunkedx", "in quotes": b'Transfer-Encoding: "chunked"',
    "in single quotes": b"Transfer-Encoding: 'chunked'", "with a parameter": b"Transfer-Encoding: chunked;a=b",
    "with an empty parameter": b"Transfer-Encoding: chunked;", "identity": b"Transfer-Encoding: identity",
    "gzip": b"Transfer-Encoding: gzip, chunked", "before another": b"Transfer-Encoding: chunked, identity",
    "twice in a list": b"Transfer-Encoding: chunked, chunked", "with a comma before": b"Transfer-Encoding: ,chunked",
    "with a comma behind": b"Transfer-Encoding: chunked,", "empty": b"Transfer-Encoding:",
    "in two fields": b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
    "hidden in a second field": b"Transfer-Encoding: identity\r\nTransfer-Encoding: chunked",
    "unmade by a second field": b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity",
    "after a vertical tab": b"Transfer-Encoding: \x0bchunked", "before a form feed": b"Transfer-Encoding: chunked\x0c",
    "with a NUL": b"Transfer-Encoding: chunked\0", "after a no-break space": b"Transfer-Encoding: \xa0chunked",
    "after a backspace": b"Transfer-Encoding: x\x08chunked", "with a Kelvin sign": "Transfer-Encoding: chun\u212aed".encode(),
    "in brackets": b"Transfer-Encoding: [chunked]", "with an equals sign": b"Transfer-Encoding: =chunked",
    "after a blank and an x": b"Transfer-Encoding: x chunked", "with a colon": b"Transfer-Encoding:: chunked",
    "behind a fold": b"Transfer-Encoding:\r\n chunked", "behind a fold by tab": b"Transfer-Encoding:\r\n\tchunked",
    "after a blank in its name": b"Transfer-Encoding : chunked", "after a tab in its name": b"Transfer-Encoding\t: chunked",
    "after a blank before its name": b" Transfer-Encoding: chunked", "with a blank in its name": b"Transfer Encoding: chunked",
    "on a folded line": b"X: y\r\n Transfer-Encoding: chunked", "behind a bare LF": b"X: y\nTransfer-Encoding: chunked",
    "behind a bare CR": b"X: y\rTransfer-Encoding: chunked", "behind LF CR": b"X: y\n\rTransfer-Encoding: chunked",
    "before a bare LF": b"Transfer-Encoding: chunked\nX: y", "with CR in its value": b"Transfer-Encoding: chu\rnked",
    "behind a NUL": b"X: y\0\r\nTransfer-Encoding: chunked", "with a name in NUL": b"Transfer-Encoding\0: chunked",
    "with a soft hyphen": b"Transfer\xad-Encoding: chunked",
}.items()}
CODINGS["coding in other cases"] = post(b"tRANSFER-eNCODING:\t cHUNKED \t\r\n", b"3\r\nabc\r\n0\r\n\r\n", OK)

CHUNKS = {
    "a size with a plus": chunks(b"+2\r\nab\r\n0\r\n\r\n<X>"),
    "a negative size": chunks(b"-1\r\nab\r\n0\r\n\r\n<X>"),
    "a size with a prefix": chunks(b"0x2\r\nab\r\n0\r\n\r\n<X>"),
    "a size with a blank behind": chunks(b"2 \r\nab\r\n0\r\n\r\n<X>"),
    "a size with a blank before": chunks(b" 2\r\nab\r\n0\r\n\r\n<X>"),
    "a size with a tab": chunks(b"2\t\r\nab\r\n0\r\n\r\n<X>"),
    "a size with an underscore": chunks(b"0_2\r\nab\r\n0\r\n\r\n<X>"),
    "a size of 2^64": chunks(b"10000000000000000\r\n<X>\r\n0\r\n\r\n"),
    "a size of 2^64 plus 2": chunks(b"10000000000000002\r\nab\r\n0\r\n\r\n<X>"),
    "a size of 2^32": chunks(b"100000000;" + b"x" * 300 + b"\r\n<X>"),
    "a size of 20 zeros": chunks(b"0" * 20 + b"\r\n\r\n<X>"),
    "an empty size": chunks(b"\r\n<X>\r\n0\r\n\r\n"),
    "a size in words": chunks(b"two\r\nab\r\n0\r\n\r\n<X>"),
    "a size that ends in LF": chunks(b"2\nab\r\n0\r\n\r\n<X>"),
    "a size that ends in CR": chunks(b"2\rab\r\n0\r\n\r\n<X>"),
    "a size that ends in CR CR LF": chunks(b"2\r\r\nab\r\n0\r\n\r\n<X>"),
    "a size with NUL": chunks(b"2\0\r\nab\r\n0\r\n\r\n<X>"),
    "an extension with LF": chunks(b"2;\nxx\r\nab\r\n0\r\n\r\n<X>"),
    "an extension with CR": chunks(b"2;a\rb\r\nab\r\n0\r\n\r\n<X>"),
    "an extension with NUL": chunks(b"2;a\0b\r\nab\r\n0\r\n\r\n<X>"),
    "an extension that never ends": chunks(b"2;" + b"a" * 400),
    "an extension after a blank": chunks(b"2 ;a\r\nab\r\n0\r\n\r\n<X>"),
    "data longer than its size": chunks(b"1\r\nab\r\n0\r\n\r\n<X>"),
    "data that ends in LF": chunks(b"2\r\nab\n0\r\n\r\n<X>"),
    "data that ends in nothing": chunks(b"2\r\nab0\r\n\r\n<X>"),
    "data that ends in blanks": chunks(b"2\r\nab  0\r\n\r\n<X>"),
    "an end without CR": chunks(b"0\r\n\n<X>"),
    "a request among trailers": chunks(b"0\r\n<X>"),
    "a folded trailer": chunks(b"0\r\nX: y\r\n z\r\n\r\n<X>"),
    "a trailer that ends in LF": chunks(b"0\r\nX: y\n\r\n<X>"),
    "a trailer with a blank in its name": chunks(b"0\r\nX y: z\r\n\r\n<X>"),
    "a trailer without a colon": chunks(b"0\r\nX\r\n\r\n<X>"),
    "trailers without end": chunks(b"0\r\n" + b"X: yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy\r\n" * 150, ("400", "431")),
    "chunks as they should be": chunks(b"3\r\nabc\r\nA;x=\"y\"\r\n0123456789\r\n000\r\n\r\n", OK),
    "a request inside of a chunk": chunks(b"%x\r\n%s\r\n0\r\n\r\n" % (len(INNER), INNER), OK),
    "trailers that would frame": chunks(b"0\r\nContent-Length: 5\r\nTransfer-Encoding: x\r\nHost: y\r\n\r\n", OK),
    "a size in upper and lower case": chunks(b"00a\r\n0123456789\r\n0B\r\n01234567890\r\n0\r\n\r\n", OK),
}

LINES = {f"line {name}": line(first, answers) for name, (first, answers) in {
    "of HTTP/0.9": (b"GET <U><P>", REFUSED), "with two blanks": (b"GET  <U><P> HTTP/1.1", REFUSED),
    "with two blanks behind": (b"GET <U><P>  HTTP/1.1", REFUSED), "with a tab": (b"GET\t<U><P> HTTP/1.1", REFUSED),
    "with a blank at its end": (b"GET <U><P> HTTP/1.1 ", ("400", "505")),
    "with a blank before it": (b" GET <U><P> HTTP/1.1", REFUSED),
    "with an empty line before it": (b"\r\nGET <U><P> HTTP/1.1", REFUSED),
    "with a second target": (b"GET <U><P> <U>/secret HTTP/1.1", REFUSED),
    "with a form feed": (b"GET <U><P>\x0cx HTTP/1.1", REFUSED), "with a NUL": (b"GET <U><P>\0 HTTP/1.1", REFUSED),
    "with a CR": (b"GET <U><P>\r HTTP/1.1", REFUSED), "with an LF": (b"GET <U><P>\n HTTP/1.1", REFUSED),
    "with another request behind LF": (b"GET <U><P> HTTP/1.1\nGET /secret HTTP/1.1", REFUSED),
    "of HTTP/2": (b"GET <U><P> HTTP/2.0", ("505",)), "of HTTP/1.2": (b"GET <U><P> HTTP/1.2", ("505",)),
    "of HTTP/1.10": (b"GET <U><P> HTTP/1.10", ("505",)), "of HTTP/01.1": (b"GET <U><P> HTTP/01.1", ("505",)),
    "of http/1.1": (b"GET <U><P> http/1.1", REFUSED), "of HTTP/1,1": (b"GET <U><P> HTTP/1,1", ("505",)),
    "without a version number": (b"GET <U><P> HTTP/", ("505",)), "of HTTPS/1.1": (b"GET <U><P> HTTPS/1.1", REFUSED),
    "in lower case": (b"get <U><P> HTTP/1.1", REFUSED), "of a head in lower case": (b"head <U><P> HTTP/1.1", REFUSED),
    "of a method with brackets": (b"GE(T <U><P> HTTP/1.1", REFUSED),
    "of a method with a colon": (b"GET: <U><P> HTTP/1.1", REFUSED),
    "of a very long method": (b"G" * 100 + b" <U><P> HTTP/1.1", REFUSED),
    "with a fragment": (b"GET <U><P>#x HTTP/1.1", REFUSED), "with a backslash": (b"GET <U><P>\\x HTTP/1.1", REFUSED),
    "with a byte above 127": (b"GET <U><P>\xe9 HTTP/1.1", REFUSED),
    "with a target of 9 KiB": (b"GET <U><P>" + b"x" * 9000 + b" HTTP/1.1", ("414",)),
    "of OPTIONS with an asterisk": (b"OPTIONS * HTTP/1.1", REFUSED), "of GET with an asterisk": (b"GET * HTTP/1.1", REFUSED),
    "of a target without a slash": (b"GET open/x HTTP/1.1", REFUSED),
    "of an authority as target": (b"GET web.test:80 HTTP/1.1", REFUSED),
    "of a user in the target": (b"GET http://u:p@<H><P> HTTP/1.1", REFUSED),
    "of a URL without slashes": (b"GET http:<H><P> HTTP/1.1", REFUSED),
    "of a URL with one slash": (b"GET http:/<H><P> HTTP/1.1", REFUSED),
    "of a URL with three slashes": (b"GET http:///<H><P> HTTP/1.1", REFUSED),
    "of a URL with backslashes": (b"GET http:\\\\<H><P> HTTP/1.1", REFUSED),
    "of a URL with an encoded host": (b"GET http://%77eb.test<P> HTTP/1.1", REFUSED),
    "of another scheme": (b"GET ftp://<H><P> HTTP/1.1", ("400", "403")),
    "of another host": (b"GET http://other.test<P> HTTP/1.1", ("403",)),
    "that asks for a secret": (b"GET <U>/secret HTTP/1.1", ("403",)),
    "that climbs": (b"GET <U><P>/../../secret HTTP/1.1", ("403",)),
    "that climbs encoded": (b"GET <U><P>/%2e%2e/%2e%2e/secret HTTP/1.1", ("403",)),
    "that climbs by parameters": (b"GET <U><P>/..;/..;/secret HTTP/1.1", REFUSED),
    "that climbs by encoded parameters": (b"GET <U><P>/..%3B/..%3B/secret HTTP/1.1", REFUSED),
    "that climbs by an encoded slash": (b"GET <U><P>/..%2f..%2fsecret HTTP/1.1", REFUSED),
    "that climbs by an encoded backslash": (b"GET <U><P>/..%5c..%5csecret HTTP/1.1", REFUSED),
    "that climbs when decoded twice": (b"GET <U><P>/%252e%252e/%252e%252e/secret HTTP/1.1", REFUSED),
    "that climbs by an overlong dot": (b"GET <U><P>/%c0%ae%c0%ae/%c0%ae%c0%ae/secret HTTP/1.1", REFUSED),
    "with an encoded NUL": (b"GET <U><P>%00 HTTP/1.1", REFUSED),
    "with an encoded line": (b"GET <U><P>%0d%0aX:%20y HTTP/1.1", REFUSED),
    "with a cut escape": (b"GET <U><P>%2 HTTP/1.1", REFUSED),
    "with a line in its query": (b"GET <U><P>?a\r\nX: y HTTP/1.1", REFUSED),
    "as it should be": (b"GET <U><P> HTTP/1.1", OK), "of a method nobody knows": (b"BREW <U><P> HTTP/1.1", None),
    "with a query": (b"GET <U><P>?a=b&c=%2F..%2Fsecret HTTP/1.1", OK),
    "of TRACE": (b"TRACE <U><P> HTTP/1.1", None), "of OPTIONS": (b"OPTIONS <U><P> HTTP/1.1", None),
}.items()}

FIELDS = {
    "a second Host": post(b"Host: other.test\r\n", b""),
    "a second Host that is the same": post(b"Host: <H>\r\n", b""),
    "a Host behind a fold": post(b"X: y\r\n Host: other.test\r\n", b""),
    "no Host": Case(b"GET <U><P> HTTP/1.1\r\nConnection: close\r\n\r\n", REFUSED),
    "an empty Host": Case(b"GET <U><P> HTTP/1.1\r\nHost:\r\n\r\n", REFUSED),
    "a Host of two": Case(b"GET <U><P> HTTP/1.1\r\nHost: <H>, other.test\r\n\r\n", REFUSED),
    "a Host with a path": Case(b"GET <U><P> HTTP/1.1\r\nHost: <H>/secret\r\n\r\n", REFUSED),
    "a Host with a user": Case(b"GET <U><P> HTTP/1.1\r\nHost: u@<H>\r\n\r\n", REFUSED),
    "a Host with a blank": Case(b"GET <U><P> HTTP/1.1\r\nHost: <H> x\r\n\r\n", REFUSED),
    "a Host with a blank before the colon": Case(b"GET <U><P> HTTP/1.1\r\nHost : <H>\r\n\r\n", REFUSED),
    "a Host of another": Case(b"GET <U><P> HTTP/1.1\r\nHost: other.test\r\n\r\n", ("403",)),
    "a Host with an underscore for its name": post(b"_Host: other.test\r\n", b"", OK),
    "a Host as an address": Case(b"GET <U><P> HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", ("403",)),
    "a Host in other cases": Case(b"GET <U><P> HTTP/1.1\r\nhOST: <h>\r\nConnection: close\r\n\r\n", OK),
    "Connection names the length": post(b"Content-Length: 44\r\nConnection: content-length\r\n"),
    "Connection names the coding": post(b"Transfer-Encoding: chunked\r\nConnection: transfer-encoding\r\n",
                                        b"0\r\n\r\n<X>"),
    "Connection names Host": post(b"Connection: close, host\r\n", b""),
    "Connection with an empty item": post(b"Connection: close,,x\r\n", b""),
    "Connection in quotes": post(b'Connection: "close"\r\n', b""),
    "Connection names fields": post(b"Connection: x-a, x-b\r\nX-A: 1\r\nX-B: 2\r\n", b"", OK),
    "fields of one hop": post(b"Keep-Alive: 5\r\nTE: trailers\r\nProxy-Connection: x\r\nTrailer: X\r\n"
                              b"Proxy-Authorization: Basic eDp5\r\n", b"", OK),
    "a field without a colon": post(b"GET /secret HTTP/1.1\r\n", b""),
    "a field with an empty name": post(b": x\r\n", b""),
    "a field with NUL in its value": post(b"X: a\0b\r\n", b""),
    "a field with CR in its value": post(b"X: a\rb\r\n", b""),
    "a field with a DEL": post(b"X: a\x7fb\r\n", b""),
    "a field with an escape": post(b"X: \x1b[2J\r\n", b""),
    "a field with brackets in its name": post(b"X[y]: a\r\n", b""),
    "a field with a quote in its name": post(b'X"y: a\r\n', b""),
    "a field with a byte above 127 in its name": post(b"X\xe9: a\r\n", b""),
    "a field with bytes above 127": post(b"X: \xe9\xff\r\n", b"", None),
    "a field of 9 KiB": post(b"X: " + b"y" * 9000 + b"\r\n", b"", ("431",)),
    "101 fields": post(b"".join(b"X%d: y\r\n" % i for i in range(101)), b"", ("431",)),
    "a head of 20 KiB": post(b"".join(b"X%d: %s\r\n" % (i, b"y" * 1000) for i in range(20)), b"", ("431",)),
    "a head without an end": Case(b"GET <U><P> HTTP/1.1\r\nHost: <H>\r\n", ("408",)),
    "a head that ends in LF LF": Case(b"GET <U><P> HTTP/1.1\nHost: <H>\n\n", REFUSED),
    "a head that ends in CR LF LF": Case(b"GET <U><P> HTTP/1.1\r\nHost: <H>\r\n\n<X>", REFUSED),
    "a head that ends in CR CR": Case(b"GET <U><P> HTTP/1.1\rHost: <H>\r\r", ("400", "408")),
    "a head of blanks before its end": Case(b"GET <U><P> HTTP/1.1\r\nHost: <H>\r\n \r\n<X>", REFUSED),
    "an expectation that is not known": post(b"Expect: 200-ok\r\nContent-Length: 3\r\n", b"abc", ("417",)),
    "two expectations": post(b"Expect: 100-continue\r\nExpect: x\r\nContent-Length: 3\r\n", b"abc", ("417",)),
    "an expectation": post(b"Expect: 100-continue\r\nContent-Length: 3\r\n", b"abc", OK),
    "an upgrade to h2c": post(b"Connection: Upgrade\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n", b"", OK),
    "an upgrade to TLS": post(b"Connection: Upgrade\r\nUpgrade: TLS/1.0\r\n", b"", ("501",)),
    "an upgrade to a WebSocket without a key": Case(
        b"GET <U><P> HTTP/1.1\r\nHost: <H>\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n<X>", REFUSED),
}

BODIES = {
    "a body on GET": Case(b"GET <U><P> HTTP/1.1\r\nHost: <H>\r\nConnection: close\r\nContent-Length: 3\r\n\r\nabc", OK),
    "a body on DELETE": Case(b"DELETE <U><P> HTTP/1.1\r\nHost: <H>\r\nConnection: close\r\nContent-Length: 3\r\n\r\n"
                             b"abc", None),
    "a body of a request on GET": Case(b"GET <U><P> HTTP/1.1\r\nHost: <H>\r\nConnection: close\r\n"
                                       b"Content-Length: %d\r\n\r\n%s" % (len(INNER), INNER), OK),
    "a chunked body on GET": Case(b"GET <U><P> HTTP/1.1\r\nHost: <H>\r\nConnection: close\r\n"
                                  b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", OK),
    "a body without framing": Case(b"POST <U><P> HTTP/1.1\r\nHost: <H>\r\n\r\n<X>", ("200", "403|400"), 1),
    "two requests that are allowed": Case(b"GET <U><P>/1 HTTP/1.1\r\nHost: <H>\r\n\r\n"
                                          b"GET <U><P>/2 HTTP/1.1\r\nHost: <H>\r\nConnection: close\r\n\r\n",
                                          ("200", "200"), 2),
    "an allowed and a refused one": Case(b"GET <U><P> HTTP/1.1\r\nHost: <H>\r\n\r\nGET <U>/secret HTTP/1.1\r\n"
                                         b"Host: <H>\r\n\r\n", ("200", "403"), 1),
    "a refused and an allowed one": Case(b"GET <U>/secret HTTP/1.1\r\nHost: <H>\r\n\r\nGET <U><P> HTTP/1.1\r\n"
                                         b"Host: <H>\r\n\r\n", ("403",)),
    "a request behind one that closes": Case(b"GET <U><P> HTTP/1.1\r\nHost: <H>\r\nConnection: close\r\n\r\n"
                                             b"GET <U><P> HTTP/1.1\r\nHost: <H>\r\n\r\n", OK),
    "a request behind one of HTTP/1.0": Case(b"GET <U><P> HTTP/1.0\r\nHost: <H>\r\n\r\nGET <U><P> HTTP/1.0\r\n"
                                             b"Host: <H>\r\n\r\n", OK),
    "two of HTTP/1.0 that keep alive": Case(b"GET <U><P> HTTP/1.0\r\nHost: <H>\r\nConnection: keep-alive\r\n\r\n"
                                            b"GET <U><P> HTTP/1.0\r\nHost: <H>\r\n\r\n", ("200", "200"), 2),
    "a CONNECT behind a request": Case(b"GET <U><P> HTTP/1.1\r\nHost: <H>\r\n\r\nCONNECT other.test:1 HTTP/1.1\r\n"
                                       b"Host: other.test:1\r\n\r\n<X>", ("200", "403|405"), 1),
    "a CONNECT with a length": Case(b"CONNECT <H> HTTP/1.1\r\nHost: <H>\r\nContent-Length: 44\r\n\r\n<X>", REFUSED),
    "a CONNECT with chunks": Case(b"CONNECT <H> HTTP/1.1\r\nHost: <H>\r\nTransfer-Encoding: chunked\r\n\r\n<X>",
                                  REFUSED),
    "a CONNECT without a port": Case(b"CONNECT web.test HTTP/1.1\r\nHost: <H>\r\n\r\n<X>", REFUSED),
    "a CONNECT with a path": Case(b"CONNECT <H>/secret HTTP/1.1\r\nHost: <H>\r\n\r\n<X>", REFUSED),
    "a preface of HTTP/2": Case(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0", ("403", "505")),
    "a hello of TLS that is none": Case(b"\x17\x03\x03\x00\x10" + b"x" * 16, ("400", "403")),
    "an answer instead of a request": Case(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n<X>", ("400", "403")),
}

CASES = {**LENGTHS, **TWICE, **CODINGS, **CHUNKS, **LINES, **FIELDS, **BODIES}

# What is tried inside of TLS too: each kind once or twice, as the same parser reads it.
IN_TLS = ("two lengths", "length and chunks", "chunks and length", "coding behind a fold", "coding behind a bare LF",
          "coding with a NUL", "a size with a plus", "a size that ends in LF", "a request among trailers",
          "a request inside of a chunk", "chunks as they should be", "line of HTTP/0.9", "line of HTTP/2",
          "line that climbs by encoded parameters", "line that climbs", "line as it should be", "a second Host",
          "a Host of another", "Connection names the length", "a body of a request on GET",
          "two requests that are allowed", "an allowed and a refused one", "a CONNECT with a length",
          "a preface of HTTP/2", "an expectation", "a head that ends in LF LF")


FORGED = b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nforged"


def answer(fields: bytes, body: bytes = b"", status: bytes = b"200 OK") -> bytes:
    return b"HTTP/1.1 " + status + b"\r\n" + fields + b"\r\n" + body + FORGED


def coded(body: bytes) -> bytes:
    return answer(b"Transfer-Encoding: chunked\r\n", body)


# What a server answers, with one more answer right behind it that nobody asked for, and what the client gets: the
# proxy's own 502, the body as bytes, or None where the answer begins and is then cut off.
BAD = 502
RESPONSES = {
    "length and chunks": (answer(b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n", b"0\r\n\r\n"), BAD),
    "chunks and length": (answer(b"Transfer-Encoding: chunked\r\nContent-Length: 0\r\n", b"0\r\n\r\n"), BAD),
    "two lengths": (answer(b"Content-Length: 1\r\nContent-Length: 2\r\n", b"ab"), BAD),
    "a list of lengths": (answer(b"Content-Length: 2, 2\r\n", b"ab"), BAD),
    "a length with a plus": (answer(b"Content-Length: +2\r\n", b"ab"), BAD),
    "a negative length": (answer(b"Content-Length: -2\r\n", b"ab"), BAD),
    "a length in hexadecimal": (answer(b"Content-Length: 0x2\r\n", b"ab"), BAD),
    "a length of 2^64": (answer(b"Content-Length: 18446744073709551618\r\n", b"ab"), BAD),
    "an empty length": (answer(b"Content-Length:\r\n", b"ab"), BAD),
    "a length with an underscore": (answer(b"Content_Length: 2\r\nContent-Length: 2\r\n", b"ab"), BAD),
    "an unknown coding": (answer(b"Transfer-Encoding: xchunked\r\n", b"0\r\n\r\n"), BAD),
    "gzip as a coding": (answer(b"Transfer-Encoding: gzip, chunked\r\n", b"0\r\n\r\n"), BAD),
    "chunked twice": (answer(b"Transfer-Encoding: chunked, chunked\r\n", b"0\r\n\r\n"), BAD),
    "chunks in HTTP/1.0": (b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + FORGED, BAD),
    "a folded field": (answer(b"X: y\r\n Content-Length: 2\r\n", b"ab"), BAD),
    "a blank before the colon": (answer(b"Content-Length : 2\r\n", b"ab"), BAD),
    "a field without a colon": (answer(b"X\r\nContent-Length: 2\r\n", b"ab"), BAD),
    "a field with CR": (answer(b"X: a\rSet-Cookie: b\r\nContent-Length: 2\r\n", b"ab"), BAD),
    "a field with LF": (answer(b"X: a\nSet-Cookie: b\r\nContent-Length: 2\r\n", b"ab"), BAD),
    "a field with NUL": (answer(b"X: a\0b\r\nContent-Length: 2\r\n", b"ab"), BAD),
    "a head of line feeds": (b"HTTP/1.1 200 OK\nContent-Length: 2\n\nab" + FORGED, BAD),
    "Connection that names the length": (answer(b"Connection: content-length\r\nContent-Length: 2\r\n", b"ab"), BAD),
    "an empty line first": (b"\r\n" + answer(b"Content-Length: 2\r\n", b"ab"), BAD),
    "another protocol": (b"SSH-2.0-x\r\n" + FORGED, BAD),
    "HTTP/2": (b"HTTP/2 200\r\n\r\n" + FORGED, BAD),
    "HTTP/0.9": (b"<html>hello" + FORGED, BAD),
    "a status of two digits": (answer(b"", status=b"20 OK"), BAD),
    "a status of four digits": (answer(b"", status=b"2000 OK"), BAD),
    "a status of 0": (answer(b"", status=b"000 OK"), BAD),
    "no blank before the status": (b"HTTP/1.1200 OK\r\n\r\n" + FORGED, BAD),
    "a reason with NUL": (answer(b"", status=b"200 O\0K"), BAD),
    "a switch that was not asked for": (answer(b"Upgrade: websocket\r\nConnection: Upgrade\r\n",
                                               status=b"101 Switching Protocols"), BAD),
    "a switch to HTTP/2": (answer(b"Upgrade: h2c\r\nConnection: Upgrade\r\n", status=b"101 Switching Protocols"),
                           BAD),
    "interim answers without end": (b"HTTP/1.1 100 Continue\r\n\r\n" * 300 + FORGED, BAD),
    "an interim answer with a body": (b"HTTP/1.1 103 Hints\r\nContent-Length: 44\r\n\r\n" + FORGED, BAD),
    "an interim answer with chunks": (b"HTTP/1.1 102 Processing\r\nTransfer-Encoding: chunked\r\n\r\n" + FORGED,
                                      BAD),
    "half a head": (b"HTTP/1.1 200 OK\r\nContent-", BAD),
    "half a status line": (b"HTTP/1.1 2", BAD),
    "nothing": (b"", BAD),
    "a head of 40 KiB": (answer(b"".join(b"X%d: %s\r\n" % (i, b"y" * 1000) for i in range(40))), BAD),
    "a line of 9 KiB": (answer(b"X: " + b"y" * 9000 + b"\r\n"), BAD),
    "101 fields": (answer(b"X: y\r\n" * 101), BAD),
    "half a body": (b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc", None),
    "half a chunk": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\na\r\nabc", None),
    "chunks without their end": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n", None),
    "a chunk size with a plus": (coded(b"+3\r\nabc\r\n0\r\n\r\n"), None),
    "a chunk size that ends in LF": (coded(b"3\nabc\r\n0\r\n\r\n"), None),
    "a chunk size of 2^64": (coded(b"10000000000000003\r\nabc\r\n0\r\n\r\n"), None),
    "a chunk longer than its size": (coded(b"2\r\nabc\r\n0\r\n\r\n"), None),
    "an answer among trailers": (coded(b"3\r\nabc\r\n0\r\n"), None),
    "a length": (answer(b"Content-Length: 3\r\n", b"abc"), b"abc"),
    "the same length twice": (answer(b"Content-Length: 3\r\nContent-Length: 3\r\n", b"abc"), b"abc"),
    "chunks": (coded(b"3;x=y\r\nabc\r\n0\r\nX: y\r\n\r\n"), b"abc"),
    "a length of 0": (answer(b"Content-Length: 0\r\n"), b""),
    "no content": (answer(b"", status=b"204 No Content"), b""),
    "no content with a length": (answer(b"Content-Length: %d\r\n" % len(FORGED), status=b"204 No Content"), b""),
    "no content with chunks": (answer(b"Transfer-Encoding: chunked\r\n", b"0\r\n\r\n", b"204 No Content"), b""),
    "not modified with a length": (answer(b"Content-Length: %d\r\n" % len(FORGED), status=b"304 Not Modified"), b""),
    "interim answers first": (b"HTTP/1.1 103 Hints\r\nLink: x\r\n\r\n" * 3 + answer(b"Content-Length: 1\r\n", b"x"),
                              b"x"),
    "a body until the end": (answer(b"Connection: close\r\n", b"abc"), b"abc" + FORGED),
    "a body until the end of HTTP/1.0": (b"HTTP/1.0 200 OK\r\n\r\nabc" + FORGED, b"abc" + FORGED),
    "a length in HTTP/1.0": (b"HTTP/1.0 200 OK\r\nContent-Length: 3\r\n\r\nabc" + FORGED, b"abc"),
    "a redirect": (answer(b"Location: http://other.test/\r\nContent-Length: 0\r\n", status=b"302 Found"), b""),
    "fields of one hop": (answer(b"Content-Length: 1\r\nConnection: x-mine\r\nX-Mine: 1\r\nKeep-Alive: 5\r\n"
                                 b"Proxy-Authenticate: Basic\r\nUpgrade: h2\r\nTrailer: X\r\n", b"x"), b"x"),
}
