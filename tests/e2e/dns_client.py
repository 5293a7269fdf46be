# SPDX-License-Identifier: Apache-2.0
"""dns_client WHAT: asks the nameserver, from inside a sandbox, as no resolver would. Standard output is JSON."""
import json
import socket
import struct
import sys
import time
from concurrent.futures import ThreadPoolExecutor

SERVER = ("192.0.2.53", 53)
A, AAAA, AXFR, ANY, INTERNET, CHAOS = 1, 28, 252, 255, 1, 3
ANSWER, CUT, RECURSION = 0x8000, 0x0200, 0x0100
WILD_MAX = 16384


def u16(*numbers: int) -> bytes:
    return struct.pack(f"!{len(numbers)}H", *numbers)


def name(*labels: bytes) -> bytes:
    return b"".join(bytes([len(label)]) + label for label in labels) + b"\0"


def message(*questions: bytes, flags: int = RECURSION, answers: int = 0, number: int = 7) -> bytes:
    return u16(number, flags, len(questions), answers, 0, 0) + b"".join(questions)


def question(text: str, kind: int = A, of: int = INTERNET) -> bytes:
    return name(*text.encode().split(b".")) + u16(kind, of)


GOOD = message(question("api.test"))
RECORD = b"\xc0\x0c" + u16(A, INTERNET, 0, 30, 4) + b"\x0b\0\0\1"
DATAGRAMS = {
    "a name that is allowed": GOOD,
    "its other types": message(question("api.test", AAAA)),
    "a name outside the policy": message(question("other.test")),
    "a name above those of the policy": message(question("wild.test")),
    "a name below those of the policy": message(question("a.b.wild.test")),
    "the root": message(name() + u16(A, INTERNET)),
    "a dot inside a label": message(name(b"api.test") + u16(A, INTERNET)),
    "a zero inside a label": message(name(b"api\0", b"test") + u16(A, INTERNET)),
    "raw UTF-8": message(question("münchen.wild.test")),
    "any type": message(question("api.test", ANY)),
    "a transfer": message(question("api.test", AXFR)),
    "another class": message(question("api.test", A, CHAOS)),
    "two questions": message(question("api.test"), question("python.test")),
    "no question": message(),
    "a record brought along": message(question("api.test"), answers=1) + RECORD,
    "bytes behind the question": GOOD + b"x",
    "a cut message": message(question("api.test"), flags=RECURSION | CUT),
    "a pointer": message(b"\xc0\x0c" + u16(A, INTERNET)),
    "half a question": GOOD[:-3],
    "half a header": GOOD[:11],
    "another operation": message(question("api.test"), flags=0x2800),
    "an answer": message(question("api.test"), flags=ANSWER),
    "too long a message": GOOD + bytes(1232),
}


def udp() -> socket.socket:
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.connect(SERVER)
    s.settimeout(10)
    return s


def told(answer: bytes) -> list[int]:
    """The code, and how many records."""
    return [answer[3] & 15, struct.unpack_from("!H", answer, 6)[0]]


def by_udp(datagram: bytes):
    """What is answered; silence is told by the answer to a question behind it."""
    with udp() as s:
        s.send(datagram)
        s.send(message(question("api.test"), number=8))
        first = s.recv(512)
    return None if first[:2] == u16(8) else told(first)


def read_rest(s: socket.socket, seconds: float) -> bytes | None:
    """All until the server closes; None where it does not."""
    data = b""
    s.settimeout(seconds)
    try:
        while more := s.recv(4096):
            data += more
    except ConnectionResetError:
        pass
    except TimeoutError:
        return None
    return data


def by_tcp(*pieces: bytes, end: bool = True, pause: float = 0) -> list | str:
    with socket.create_connection(SERVER, 10) as s:
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            for piece in pieces:
                s.sendall(piece)
                time.sleep(pause)
            if end:
                s.shutdown(socket.SHUT_WR)
        except OSError:
            return "closed"
        data = read_rest(s, 40)
    if data is None:
        return "open"
    answers = []
    while data:
        n, = struct.unpack_from("!H", data)
        answers.append(told(data[2:2 + n]))
        data = data[2 + n:]
    return answers


def streams() -> dict:
    framed = u16(len(GOOD)) + GOOD
    each = [bytes([b]) for b in framed]
    cases = {
        "in one piece": (framed,),
        "byte by byte": each,
        "three at once": (framed * 3,),
        "half a question": (framed[:-4],),
        "half a length": (framed[:1],),
        "no length": (u16(0),),
        "too long": (u16(1233) + GOOD,),
        "as long as can be": (u16(0xffff) + GOOD,),
        "an answer": (u16(len(GOOD)) + message(question("api.test"), flags=ANSWER),),
        "two questions": (framed, u16(2 * len(GOOD) - 12) + message(*[question("api.test")] * 2)),
    }
    with ThreadPoolExecutor(16) as pool:
        told = {what: pool.submit(by_tcp, *pieces) for what, pieces in cases.items()}
        told["nothing, and not closed"] = pool.submit(by_tcp, end=False)
        told["a part, and not closed"] = pool.submit(by_tcp, framed[:9], end=False)
        told["byte by second"] = pool.submit(by_tcp, *each, end=False, pause=1)
        return {what: future.result() for what, future in told.items()}


def cases() -> dict:
    """The letters of a question come back as they were sent."""
    sent = [question(text) for text in ("api.test", "aPi.TeSt", "API.TEST")]
    answers = []
    for each in sent:
        with udp() as s:
            s.send(message(each))
            answers.append(s.recv(512))
    return {"kept": [a[12:12 + len(q)] == q for a, q in zip(answers, sent)],
            "addresses": sorted({socket.inet_ntoa(a[-4:]) for a in answers})}


def use_up() -> dict:
    """Asks for more names below a wildcard than there are addresses, and for others before and behind."""
    def ask(text: str) -> list:
        s.send(message(question(text)))
        answer = s.recv(512)
        return [answer[3] & 15, socket.inet_ntoa(answer[-4:])]

    with udp() as s:
        before = ask("public.wild.test")
        codes = [ask(f"n{i}.wild.test")[0] for i in range(WILD_MAX + 5)]
        return {"given": codes.count(0), "failed": codes.count(2), "in order": codes == sorted(codes),
                "known before": ask("public.wild.test") == before, "of the policy": ask("api.test")[0]}


WHAT = {"datagrams": lambda: {what: by_udp(d) for what, d in DATAGRAMS.items()},
        "streams": streams, "cases": cases, "use_up": use_up}
print(json.dumps(WHAT[sys.argv[1]]()))
