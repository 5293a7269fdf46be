# SPDX-License-Identifier: Apache-2.0
"""Who holds a connection: the identity helper, as it is, asked about real processes.

Each script runs in namespaces of its own, as root unless it says otherwise, beside a helper and a program
that plays the proxy worker: what a connection sends to it, it answers (tests/drivers/identity.c)."""
import json
import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

import fixture

DRIVER = fixture.OUT / "driver_identity"
PYTHON = os.path.realpath("/usr/bin/python3")
BASH = "/usr/bin/bash"
OK = "identified"
CAPABILITIES = 1 << 2 | 1 << 19  # DAC_READ_SEARCH, SYS_PTRACE

# What scripts in Python begin with. `ask` is one question on one connection.
PRELUDE = """
import json, os, signal, socket, subprocess, sys, time
PORT, HELPER = int(os.environ["PORT"]), int(os.environ["HELPER"])
def dial(host="127.0.0.1"):
    return socket.create_connection((host, PORT))
def ask(s, text="who"):
    s.sendall(text.encode() + b"\\n")
    line = b""
    while not line.endswith(b"\\n"):
        part = s.recv(65536)
        if not part: raise SystemExit("no answer")
        line += part
    return json.loads(line)
def tell(answer):
    print(json.dumps(answer), flush=True)
def become(uid):
    os.setgroups([]); os.setresgid(uid, uid, uid); os.setresuid(uid, uid, uid)
"""
# A program that connects, asks and prints, for being copied, replaced and deleted.
ASK_IN_BASH = 'exec 3<>/dev/tcp/127.0.0.1/$PORT; echo who >&3; read -r line <&3; echo "$line"'


def run(*command, **environment) -> list[dict]:
    """The lines of JSON that a command prints beside a helper."""
    done = subprocess.run([DRIVER, *command], capture_output=True, timeout=60,
                          env={**os.environ, **environment})
    if done.returncode != 0:
        raise AssertionError(f"exit {done.returncode}: {done.stderr.decode()[-2000:]}")
    return [json.loads(line) for line in done.stdout.splitlines()]


def python(script: str, *arguments) -> list[dict]:
    return run(PYTHON, "-c", PRELUDE + script, *arguments)


class Identity(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        if os.geteuid() != 0:
            raise unittest.SkipTest("needs root, to make namespaces")

    def setUp(self):
        self.folder = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.folder.chmod(0o755)

    def copy(self, name: str) -> pathlib.Path:
        """bash under a name of the test's own, old enough to be trusted by its times."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(BASH, path)
        return path

    # --- the program and its ancestors

    def test_a_program_is_named_by_its_real_path_with_its_ancestors(self):
        script = PRELUDE + "tell(ask(dial()))"
        answer, = run(BASH, "-c", f'"{PYTHON}" -c "$1"; true', "bash", script)
        self.assertEqual((answer["status"], answer["paths"]), (OK, [PYTHON, BASH]))

    def test_the_uid_is_that_of_who_made_the_socket(self):
        answer, = python("become(1234); tell(ask(dial()))")
        self.assertEqual((answer["status"], answer["uid"]), (OK, 1234))

    def test_ipv6_ipv4_and_mapped_connections_are_found(self):
        answers = python("""
for host in "127.0.0.1", "::1", "::ffff:127.0.0.1":
    tell(ask(dial(host)))
""")
        self.assertEqual([a["status"] for a in answers], [OK] * 3)

    def test_a_connection_that_sends_no_more_is_still_its_owners(self):
        answer, = python("""
s = dial()
s.sendall(b"who\\n")
s.shutdown(socket.SHUT_WR)
tell(json.loads(s.recv(65536)))
""")
        self.assertEqual(answer["status"], OK)

    def test_argv_says_nothing(self):
        script = f'exec -a /usr/bin/curl {BASH} -c \'{ASK_IN_BASH}\''
        answer, = run(BASH, "-c", script)
        self.assertEqual(answer["paths"][0], BASH)

    def test_a_script_is_its_interpreter(self):
        script = self.folder / "tool"
        script.write_text(f"#!{BASH}\n{ASK_IN_BASH}\n")
        script.chmod(0o755)
        answer, = run(script)
        self.assertEqual(answer["paths"][0], BASH)

    def test_a_link_is_what_it_leads_to(self):
        link = self.folder / "curl"
        link.symlink_to(BASH)
        answer, = run(link, "-c", ASK_IN_BASH)
        self.assertEqual(answer["paths"][0], BASH)

    def test_a_path_keeps_its_bytes(self):
        path = os.fsencode(self.folder) + b"/sh\xff \n(deleted)"
        shutil.copy(BASH, path)
        done = subprocess.run([DRIVER, path, "-c", ASK_IN_BASH], capture_output=True, check=True)
        name = json.loads(done.stdout)["paths"][0]
        # Bytes that are not UTF-8 are shown as such; the name was not cut.
        self.assertEqual(name, f"{self.folder}/sh\ufffd \n(deleted)")

    def test_an_orphan_has_no_ancestors(self):
        answer, = python("""
if os.fork() == 0:
    if os.fork() == 0:
        time.sleep(0.3)
        tell(ask(dial()))
    os._exit(0)
os.wait()
time.sleep(1)
""")
        self.assertEqual((answer["status"], answer["paths"]), (OK, [PYTHON]))

    def test_the_chain_of_ancestors_has_an_end(self):
        answer, = python("""
for i in range(80):
    if os.fork() != 0:
        os.wait()
        os._exit(0)
tell(ask(dial()))
""")
        self.assertEqual((answer["status"], len(answer["paths"])), (OK, 65))

    # --- files that change

    def test_a_deleted_program_keeps_its_name(self):
        tool = self.copy("tool")
        answer, = run(tool, "-c", f'rm "{tool}"; {ASK_IN_BASH}')
        self.assertEqual((answer["status"], answer["paths"][0]), (OK, str(tool)))

    def test_a_name_that_ends_in_deleted_is_a_name(self):
        tool = self.copy("tool (deleted)")
        answer, = run(tool, "-c", ASK_IN_BASH)
        self.assertEqual(answer["paths"][0], str(tool))

    def test_a_replaced_program_is_not_trusted_until_the_end(self):
        tool = self.copy("tool")
        script = f"""
ask() {{ "{tool}" -c '{ASK_IN_BASH}'; }}
ask
cp "{tool}" "{tool}.other"; echo >> "{tool}.other"; mv "{tool}.other" "{tool}"; ask
cp {BASH} "{tool}.first"; mv "{tool}.first" "{tool}"; ask
{BASH} -c '{ASK_IN_BASH}'
"""
        first, second, third, other = run(BASH, "-c", script)
        self.assertEqual(first["status"], OK)
        for answer in second, third:
            self.assertEqual(answer["status"], "Binary integrity violation")
            self.assertEqual(answer["paths"], [str(tool)])
        self.assertEqual(other["status"], OK)

    def test_a_program_changed_in_place_with_its_times_set_back_is_noticed(self):
        tool = self.copy("tool")
        script = f"""
ask() {{ "{tool}" -c '{ASK_IN_BASH}'; }}
ask
touch -r "{tool}" "{tool}.times"
printf X | dd of="{tool}" bs=1 seek=$(($(stat -c %s "{tool}") - 1)) conv=notrunc status=none
touch -r "{tool}.times" "{tool}"
ask
"""
        first, second = run(BASH, "-c", script)
        self.assertEqual(first["status"], OK)
        self.assertEqual(second["status"], "Binary integrity violation")

    def test_a_program_that_is_touched_is_still_trusted(self):
        tool = self.copy("tool")
        ask = f"\"{tool}\" -c '{ASK_IN_BASH}'"
        answers = run(BASH, "-c", f'{ask}; touch "{tool}"; chmod 700 "{tool}"; {ask}')
        self.assertEqual([a["status"] for a in answers], [OK, OK])

    def test_an_ancestor_is_held_to_its_content_too(self):
        tool = self.copy("tool")
        script = f"""
"{tool}" -c '{ASK_IN_BASH}'
cp "{tool}" "{tool}.other"; echo >> "{tool}.other"; mv "{tool}.other" "{tool}"
"{tool}" -c '{BASH} -c "$1"; true' tool '{ASK_IN_BASH}'
"""
        first, second = run(BASH, "-c", script)
        self.assertEqual((first["status"], second["status"]), (OK, "Binary integrity violation"))
        self.assertEqual(second["paths"], [str(tool)])

    # --- several owners

    def test_a_forked_copy_is_the_same_program(self):
        answer, = python("""
s = dial()
pid = os.fork()
if pid == 0:
    time.sleep(5)
    os._exit(0)
answer = ask(s)
assert answer["pid"] == os.getpid(), answer
os.kill(pid, signal.SIGKILL)
tell(answer)
""")
        self.assertEqual((answer["status"], answer["paths"]), (OK, [PYTHON]))

    def test_two_programs_with_one_connection_are_ambiguous(self):
        answers = python("""
s = dial()
os.set_inheritable(s.fileno(), True)
tell(ask(s))
time.sleep(1.2)  # what was found is remembered for a second
child = subprocess.Popen(["/bin/sleep", "30"], close_fds=False)
time.sleep(0.2)
tell(ask(s))
child.kill()
child.wait()
tell(ask(s))
""")
        self.assertEqual([a["status"] for a in answers],
                         [OK, "ambiguous shared socket ownership", OK])
        self.assertEqual(answers[1]["paths"], [])

    def test_a_connection_that_was_handed_on_is_its_holders(self):
        answer, = python(f"""
s = dial()
child = subprocess.Popen(["{BASH}", "-c", "kill -STOP $$; echo who >&9; read -r line <&9; echo $line"],
                         preexec_fn=lambda: os.dup2(s.fileno(), 9), close_fds=False)
os.waitpid(child.pid, os.WUNTRACED)
s.close()
child.send_signal(signal.SIGCONT)
child.wait()
""")
        self.assertEqual((answer["status"], answer["paths"]), (OK, [BASH, PYTHON]))

    def test_who_exec_s_is_what_he_became(self):
        answer, = python(f"""
s = dial()
os.set_inheritable(s.fileno(), True)
os.dup2(s.fileno(), 3)
os.execv("{BASH}", ["python3", "-c", "echo who >&3; read -r line <&3; echo $line"])
""")
        self.assertEqual((answer["status"], answer["paths"]), (OK, [BASH]))

    def test_a_process_that_may_not_be_dumped_is_looked_at_too(self):
        answer, = python("""
import ctypes
become(1234)
ctypes.CDLL(None).prctl(4, 0, 0, 0, 0)
tell(ask(dial()))
""")
        self.assertEqual((answer["status"], answer["paths"]), (OK, [PYTHON]))

    def test_a_confined_process_is_looked_at_too(self):
        # As the workload is: its own Landlock domain, which the helper is not in.
        answer, = python("""
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
rules = (ctypes.c_uint64 * 1)(1 << 12)
fd = libc.syscall(444, rules, 8, 0)
become(1234)
assert fd >= 0 and libc.prctl(38, 1, 0, 0, 0) == 0 and libc.syscall(446, fd, 0) == 0
tell(ask(dial()))
""")
        self.assertEqual((answer["status"], answer["paths"]), (OK, [PYTHON]))

    def test_the_owner_is_found_among_many_processes_and_sockets(self):
        answer, = python("""
children = [subprocess.Popen(["/bin/sleep", "30"]) for _ in range(50)]
others = [dial() for _ in range(40)]
if os.fork() == 0:
    tell(ask(dial()))
    os._exit(0)
os.wait()
for child in children:
    child.kill()
""")
        self.assertEqual((answer["status"], answer["paths"]), (OK, [PYTHON, PYTHON]))

    # --- the helper itself

    def test_the_helper_keeps_two_capabilities_and_a_filter(self):
        status, fds = python("""
ask(dial())  # it is at work
tell(dict(line.split(":\\t", 1) for line in open(f"/proc/{HELPER}/status").read().splitlines()
          if ":\\t" in line))
tell({"fds": [os.readlink(f"/proc/{HELPER}/fd/{n}") for n in os.listdir(f"/proc/{HELPER}/fd")]})
""")
        for name in "CapPrm", "CapEff":
            self.assertEqual(int(status[name], 16), CAPABILITIES)
        for name in "CapInh", "CapBnd", "CapAmb":
            self.assertEqual(int(status[name], 16), 0)
        self.assertEqual((status["NoNewPrivs"], status["Seccomp"]), ("1", "2"))
        sockets = [f for f in fds["fds"] if f.startswith("socket:")]
        self.assertEqual(len(sockets), 2, fds)
        self.assertIn("/proc", fds["fds"])
        self.assertNotIn("/", fds["fds"])
        self.assertEqual(len(fds["fds"]), 6, fds)

    def test_a_killed_helper_means_denial(self):
        answers = python("""
s = dial()
tell(ask(s))
os.kill(HELPER, signal.SIGKILL)
time.sleep(0.3)
tell(ask(s))
tell(ask(s, "counts"))
""")
        self.assertEqual([a.get("status") for a in answers[:2]],
                         [OK, "identity helper not available"])
        self.assertFalse(answers[2]["alive"])

    def test_a_stopped_helper_means_denial_in_time_and_no_late_answer(self):
        answers = python("""
s, other = dial(), dial()
os.kill(HELPER, signal.SIGSTOP)
start = time.monotonic()
tell(ask(s))
assert 4 < time.monotonic() - start < 8
os.kill(HELPER, signal.SIGCONT)
time.sleep(0.2)
tell(ask(other))
tell(ask(other, "counts"))
""")
        self.assertEqual([a.get("status") for a in answers[:2]],
                         ["identification took too long", OK])
        self.assertEqual(answers[2]["dropped"], 1)  # the late one

    def test_nonsense_does_not_harm_the_helper(self):
        answers = python("""
s = dial()
for n in 0, 1, 47, 48, 49, 4000, 60000, 0:
    ask(s, f"flood {n}")
for _ in range(200):
    ask(s, "flood 100")
tell(ask(s))
tell(ask(s, "counts"))
""")
        self.assertEqual(answers[0]["status"], OK)
        self.assertEqual((answers[1]["dropped"], answers[1]["alive"]), (0, True))

    def test_a_connection_that_is_gone_is_nobodys(self):
        # It is asked about, but was reset before the helper could look: it was stopped until then.
        answers = python("""
s, other = dial(), dial()
os.kill(HELPER, signal.SIGSTOP)
s.sendall(b"who\\n")
time.sleep(0.2)
s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\\1\\0\\0\\0\\0\\0\\0\\0")
s.close()
os.kill(HELPER, signal.SIGCONT)
time.sleep(0.2)
tell(ask(other, "counts"))
tell(ask(other))
""")
        self.assertEqual((answers[0]["answered"], answers[0]["timed_out"]), (1, 0))
        self.assertEqual(answers[1]["status"], OK)


if __name__ == "__main__":
    unittest.main()
