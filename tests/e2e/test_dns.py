# SPDX-License-Identifier: Apache-2.0
"""The nameserver of a sandbox, asked over its sockets by programs that mean it no good."""
import json
import pathlib
import threading

from internet import HERE
from network import inside
from proxy_world import wait_for
from test_combined import Shared
from test_transparent import PLAIN

CLIENT = (pathlib.Path(__file__).resolve().parent / "dns_client.py").read_text()
NO_ERROR, FORMAT_ERROR, NAME_ERROR, NOT_IMPLEMENTED, REFUSED = 0, 1, 3, 4, 5
WILD_MAX = 16384
DATAGRAMS = {
    "a name that is allowed": [NO_ERROR, 1], "its other types": [NO_ERROR, 0],
    "a name outside the policy": [NAME_ERROR, 0], "a name above those of the policy": [NAME_ERROR, 0],
    "a name below those of the policy": [NAME_ERROR, 0], "the root": [NAME_ERROR, 0],
    "a dot inside a label": [NAME_ERROR, 0], "a zero inside a label": [NAME_ERROR, 0],
    "raw UTF-8": [NAME_ERROR, 0], "any type": [REFUSED, 0], "a transfer": [REFUSED, 0],
    "another class": [REFUSED, 0], "two questions": [FORMAT_ERROR, 0], "no question": [FORMAT_ERROR, 0],
    "a record brought along": [FORMAT_ERROR, 0], "bytes behind the question": [FORMAT_ERROR, 0],
    "a cut message": [FORMAT_ERROR, 0], "a pointer": [FORMAT_ERROR, 0], "half a question": [FORMAT_ERROR, 0],
    "half a header": None, "another operation": [NOT_IMPLEMENTED, 0], "an answer": None,
    "too long a message": None,
}
# One connection, asked again and again until it is told to end.
KEEP_ON = """\
import http.client, os, time
c = http.client.HTTPConnection(os.environ["HTTP_PROXY"].split("/")[2])
c.set_tunnel("python.test", 80)
while not os.path.exists("/tmp/over"):
    c.request("GET", "/kept")
    answer = c.getresponse()
    answer.read()
    assert answer.status == 200, answer.status
    if not os.path.exists("/tmp/begun"): open("/tmp/begun", "w").close()
    time.sleep(0.1)
"""
NO_NAMES = ("add table inet gone { chain in { type filter hook input priority 0; "
            "meta l4proto { tcp, udp } th dport 53 drop; }; }")

# All are closed by the server; what was answered before.
STREAMS = {
    "in one piece": [[NO_ERROR, 1]], "byte by byte": [[NO_ERROR, 1]], "three at once": [[NO_ERROR, 1]] * 3,
    "half a question": [], "half a length": [], "no length": [], "too long": [], "as long as can be": [],
    "an answer": [], "two questions": [[NO_ERROR, 1], [FORMAT_ERROR, 0]], "nothing, and not closed": [],
    "a part, and not closed": [], "byte by second": "closed",
}


class Names(Shared):
    def ask(self, what: str) -> dict:
        done = self.rig.run("python3", "-c", CLIENT, what, seconds=90)
        self.assertTrue(done.stdout, done.stderr.decode())
        return json.loads(done.stdout)


class Questions(Names):
    def test_a_datagram_is_answered_with_what_is_right_or_not_at_all(self):
        self.assertEqual(self.ask("datagrams"), DATAGRAMS)
        self.assert_nothing_left()

    def test_a_connection_is_answered_in_pieces_and_closed_in_time(self):
        self.assertEqual(self.ask("streams"), STREAMS)
        self.assert_nothing_left()

    def test_the_case_of_a_question_is_kept_and_means_nothing(self):
        told = self.ask("cases")
        self.assertEqual((told["kept"], len(told["addresses"])), ([True] * 3, 1))

    def test_labels_tell_a_nameserver_nothing_until_a_request_is_allowed(self):
        urls = [f"http://{secret}.{below}/" for secret in ("5ec", "3e7") for below in ("wild.test", "other.test")]
        self.rig.run(*PLAIN, "curl", "-sS", "--max-time", "10", "-X", "DELETE", *urls)
        self.rig.run("curl", "-sS", "--max-time", "10", "-X", "DELETE", *urls)
        self.rig.run(*PLAIN, "python3", "-c", "import socket\nfor h in '5ec.wild.test', '3e7.other.test':\n"
                     " try: socket.create_connection((h, 80), 10).recv(1)\n except OSError: pass")
        self.assert_nothing_left()
        done = self.rig.run(*PLAIN, "curl", "-sS", "--max-time", "10", "http://public.wild.test/")
        self.assertEqual(json.loads(done.stdout)["token"], self.rig.net.token, done.stderr)
        asked = {line["host"] for line in self.rig.net.arrived() if line["scheme"] == "dns"}
        self.assertEqual(asked, {"public.wild.test"})


class UsedUp(Names):
    def test_wildcards_use_up_their_own_addresses_and_no_others(self):
        self.assertEqual(self.ask("use_up"), {
            "given": WILD_MAX - 1, "failed": 6, "in order": True, "known before": True, "of the policy": NO_ERROR})
        self.assertEqual(len(self.rig.events("dns.full")), 1)


class ServerGone(Shared):
    def code(self, url: str) -> str:
        return self.rig.run("curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "--max-time", "40", url,
                            seconds=60).stdout.decode()

    def test_without_a_nameserver_new_names_are_answered_502_and_what_is_open_goes_on(self):
        kept = []
        keeper = threading.Thread(target=lambda: kept.append(self.rig.run("python3", "-c", KEEP_ON, seconds=120)))
        keeper.start()
        wait_for(lambda: self.rig.run("test", "-e", "/tmp/begun").returncode == 0, "the connection", 20)
        inside(str(self.rig.net.pid), "nft", NO_NAMES)
        self.rig.net.arrived()
        self.assertEqual(self.code("http://api.test/gone"), "502")
        wait_for(lambda: [r for r in self.rig.net.arrived() if r.get("path") == "/kept"], "the kept connection", 20)
        self.assertLessEqual(set(self.rig.left()), {f"udp {HERE} 53", f"tcp {HERE} 53", f"tcp {HERE} 80"})
        inside(str(self.rig.net.pid), "nft", "delete table inet gone")
        wait_for(lambda: self.code("http://api.test/back") == "200", "the name", 30)
        self.rig.run("touch", "/tmp/over")
        keeper.join()
        self.assertEqual(kept[0].returncode, 0, kept[0].stderr)
