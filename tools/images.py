#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""images: container images from local files only; no registry is asked.

Product images hold the programs as they were built. Test images are small worlds for them to run in.
Roots of Debian's packages are slow to make and are kept in the cache; all others are built where they
are needed, in a fraction of a second.
"""
import fcntl
import hashlib
import os
import pathlib
import platform
import shutil
import struct
import subprocess
import sys
import sysconfig
import tempfile

from podman import PAUSE_IMAGE, Podman, cache_dir, storage_conf, storage_driver

ROOT = pathlib.Path(__file__).resolve().parent.parent
AGENT_IMAGE = "localhost/openshell/agent:dev"
WEBHOOK_IMAGE = "localhost/openshell/webhook:dev"
BUSYBOX, ENTRY, SCRATCH, CLIENTS, DEBIAN_BASE, DEBIAN, TOOLS_BASE, TOOLS, HOSTILE, LINKED, COVERING = (
    f"localhost/openshell-test/{name}"
    for name in ("busybox", "entry", "scratch", "clients", "debian-base", "debian", "tools-base", "tools", "hostile",
                 "linked", "covering"))

# The packages of each root, and how much of them: `extract` unpacks them and runs none of their scripts,
# which would take minutes.
ROOTS = {
    DEBIAN_BASE: ("minbase", ["bash", "curl", "python3", "nodejs", "procps"]),
    TOOLS_BASE: ("extract", [
        "base-files", "bash", "coreutils", "sed", "curl", "wget", "git", "python3", "python3-pip",
        "python3-requests", "python3-httpx", "python3-aiohttp", "nodejs", "npm", "node-undici",
        "node-axios", "openjdk-17-jdk-headless", "postgresql-client-15", "redis-tools", "openssh-client"]),
}
SUITE = "bookworm"
SLIM = ["--dpkgopt=path-exclude=/usr/share/man/*", "--dpkgopt=path-exclude=/usr/share/locale/*"]
SANDBOX_UID = 1000
# struct vfs_cap_data, revision 2, effective: CHOWN, KILL, SETGID and SETUID, which container runtimes
# leave in the bounding set.
FILE_CAPABILITIES = struct.pack("<5I", 0x02000001, 0xE1, 0, 0, 0)
WEBHOOK_USER = "65532:65532"


# --- Debian roots --------------------------------------------------------------------------------
def debian_sources() -> list[str]:
    """This machine's own Debian mirrors, as one-line sources for `SUITE`."""
    fields = "$(ORIGIN)|$(REPO_URI)|$(RELEASE)|$(COMPONENT)"
    targets = _output("apt-get", "indextargets", "--format", fields, "Identifier: Packages")
    lines = []
    for target in targets.splitlines():
        origin, uri, release, component = target.split("|")
        if origin == "Debian" and release.startswith(SUITE):
            lines.append(f"deb {uri} {release} {component}")
    if not lines:
        raise SystemExit(f"apt knows no Debian {SUITE} mirror: add one and run apt-get update")
    return sorted(set(lines))


def apt_options() -> list[str]:
    """How this machine's apt reaches its mirrors: proxies and clock checks."""
    keys = ["Acquire::http", "Acquire::https", "Acquire::Check-Valid-Until", "Acquire::Check-Date"]
    lines = _output("apt-config", "dump", "--no-empty", *keys).splitlines()
    return [f"--aptopt={line.rstrip(';')}" for line in lines]


def debian_root(target: pathlib.Path, variant: str, packages: list[str], *options: str) -> None:
    """A Debian root with `packages`: a directory, or a tar if `target` ends so."""
    command = ["mmdebstrap", "--quiet", f"--variant={variant}", f"--include={','.join(packages)}",
               *apt_options(), *options, SUITE, str(target), *debian_sources()]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        raise SystemExit(f"mmdebstrap failed:\n{done.stderr}")


def root_store(name: str) -> pathlib.Path:
    """A read-only image store with one of `ROOTS`, made once and kept in the cache."""
    stores = cache_dir() / "images"
    stores.mkdir(parents=True, exist_ok=True)
    recipe = f"{SUITE} {platform.machine()} {storage_driver(stores)} {ROOTS[name]}"
    short = name.rpartition("/")[2]
    store = stores / f"{short}-{hashlib.sha256(recipe.encode()).hexdigest()[:16]}"
    with open(stores / "lock", "w") as lock:
        # One builder at a time; who waited for it finds the work done.
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not store.exists():
            print(f"  IMAGE {short} (kept in the cache from now on)", flush=True)
            for killed in stores.glob("new-*"):
                shutil.rmtree(killed, ignore_errors=True)
            _build_root(name, store)
    return store


def _build_root(name: str, store: pathlib.Path) -> None:
    variant, packages = ROOTS[name]
    with tempfile.TemporaryDirectory(dir=store.parent, prefix="new-") as scratch:
        work = pathlib.Path(scratch)
        debian_root(work / "root.tar", variant, packages, *SLIM)
        (work / "storage.conf").write_text(storage_conf(work / "graph", work / "run"))
        environment = {**os.environ, "CONTAINERS_STORAGE_CONF": str(work / "storage.conf")}
        _commit(lambda *argv: _output("buildah", *argv, env=environment), name,
                work / "root.tar", [])
        os.rename(work / "graph", store)


# --- trees ---------------------------------------------------------------------------------------
def trust_store() -> bytes:
    """Debian's, as the package ships it: nothing local gets in."""
    certificates = sorted(pathlib.Path("/usr/share/ca-certificates/mozilla").glob("*.crt"))
    if not certificates:
        raise SystemExit("/usr/share/ca-certificates/mozilla is empty: install ca-certificates")
    return b"".join(c.read_bytes() for c in certificates)


def agent_tree(tree: pathlib.Path, out: pathlib.Path) -> None:
    shutil.copy(out / "openshell-agent", tree / "openshell-agent")
    (tree / "ca-bundle.pem").write_bytes(trust_store())


def pause_tree(tree: pathlib.Path, _out: pathlib.Path) -> None:
    shutil.copy("/bin/busybox", tree / "busybox")


def programs_tree(tree: pathlib.Path, out: pathlib.Path) -> None:
    """Our own test programs, which are static and run in every image, and what they aim at."""
    for name in ("probe", "attack", "old_landlock"):
        if (out / name).exists():
            shutil.copy(out / name, tree / name)
    if (out / "attack").exists():
        shutil.copy(out / "attack", tree / "attack-suid")
        (tree / "attack-suid").chmod(0o4755)
        shutil.copy(out / "attack", tree / "attack-filecap")
        os.setxattr(tree / "attack-filecap", "security.capability", FILE_CAPABILITIES)
    for folder in ("forbidden", "unreadable"):
        (tree / folder).mkdir()
        (tree / folder / "file").write_text("to be left alone\n")
        # The sandbox user's own, so that it is not the file's mode that protects it.
        for path in (tree / folder, tree / folder / "file"):
            os.chown(path, SANDBOX_UID, SANDBOX_UID)
    (tree / "forbidden/roots").write_text("to be left alone\n")


def busybox_tree(tree: pathlib.Path, out: pathlib.Path) -> None:
    programs_tree(tree, out)
    for name in ("bin", "etc", "home", "tmp"):
        (tree / name).mkdir()
    (tree / "tmp").chmod(0o1777)
    shutil.copy("/bin/busybox", tree / "bin/busybox")
    for applet in _output("/bin/busybox", "--list").split():
        if applet != "busybox":
            (tree / "bin" / applet).symlink_to("busybox")
    (tree / "etc/passwd").write_text("root:x:0:0:root:/:/bin/sh\n")
    (tree / "etc/group").write_text("root:x:0:\n")


def clients_tree(tree: pathlib.Path, out: pathlib.Path) -> None:
    """busybox, and this machine's own curl and python3: made in a second, where a Debian root takes
    minutes."""
    busybox_tree(tree, out)
    library = pathlib.Path(sysconfig.get_path("stdlib"))
    shutil.copytree(library, tree / library.relative_to("/"), symlinks=True,
                    ignore=shutil.ignore_patterns("__pycache__", "*-packages", "test", "idlelib", "config-*"))
    python = pathlib.Path("/usr/bin/python3").resolve()
    programs = [pathlib.Path("/usr/bin/curl"), python]
    needed = set(programs)
    for program in [*programs, *(library / "lib-dynload").glob("*.so")]:
        lines = _output("ldd", program).splitlines()
        needed.update(pathlib.Path(word) for line in lines for word in line.split() if word.startswith("/"))
    for path in needed:
        place = tree / path.relative_to("/")
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, place)
    (tree / "usr/bin/python3").symlink_to(python.name)


def tools_tree(tree: pathlib.Path, _out: pathlib.Path) -> None:
    """Small programs that ask for a URL, each by another library; Debian's packages are below."""
    sources = ROOT / "tests/e2e/clients"
    shutil.copytree(sources, tree / "clients")
    environment = {**os.environ, "CGO_ENABLED": "0", "GO111MODULE": "off", "GOTOOLCHAIN": "local"}
    _output("go", "build", "-o", tree / "clients/fetch-go", sources / "fetch.go", env=environment)
    (tree / "tmp").mkdir()
    (tree / "tmp").chmod(0o1777)
    # What scripts of the packages would have made; ssh refuses to run as a user without a name.
    (tree / "etc").mkdir()
    (tree / "etc/passwd").write_text(f"user:x:{SANDBOX_UID}:{SANDBOX_UID}::/tmp:/bin/sh\n")
    (tree / "bin").mkdir()
    (tree / "bin/sh").symlink_to("bash")


def hostile_tree(tree: pathlib.Path, out: pathlib.Path) -> None:
    """Files by which an image makes careless programs load its code."""
    programs_tree(tree, out)
    sources = ROOT / "tests/e2e/traps"
    library = tree / "usr/lib/evil.so"
    library.parent.mkdir(parents=True)
    (tree / "etc").mkdir()
    _output("cc", "-shared", "-fPIC", "-O1", "-o", library, sources / "evil.c")
    # Linked the way the agent must not be: with name services and OpenSSL's configuration alive.
    _output("cc", "-static", "-O1", "-w", "-o", tree / "careless", sources / "careless.c", "-lcrypto")
    (tree / "etc/ld.so.preload").write_text("/usr/lib/evil.so\n")
    shutil.copy(library, tree / "usr/lib/libnss_evil.so.2")
    (tree / "etc/nsswitch.conf").write_text("passwd: evil\ngroup: evil\nhosts: evil\n")
    for folder in ("usr/lib/ssl", "etc/ssl", "usr/local/ssl", "usr/local/etc/ssl", "etc/pki/tls"):
        (tree / folder).mkdir(parents=True, exist_ok=True)
        shutil.copy(sources / "openssl.cnf", tree / folder / "openssl.cnf")


def linked_tree(link: str, target: str):
    """busybox, with a link where the runtime will look for one of the sandbox's folders."""
    def make(tree: pathlib.Path, out: pathlib.Path) -> None:
        busybox_tree(tree, out)
        place = tree / link
        if place.is_dir():
            shutil.copytree(place, tree / target, dirs_exist_ok=True)
            shutil.rmtree(place)
        (tree / target).mkdir(parents=True, exist_ok=True)
        os.chown(tree / target, SANDBOX_UID, SANDBOX_UID)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.symlink_to(f"/{target}")
    return make


# Where the agent starts from (webhook/names.h).
START = "openshell-start/" + "/".join(str(n) for n in range(1, 20))
# Deeper than that, so that it is mounted later.
DEEP_LINK = "a/" + "/".join(str(n) for n in range(1, 21))


def covering_tree(tree: pathlib.Path, out: pathlib.Path) -> None:
    """busybox, with a program of its own in the agent's place, and a link to there."""
    linked_tree(DEEP_LINK, START)(tree, out)
    program = tree / START / "openshell-agent"
    program.write_text("#!/bin/sh\necho not the agent, as $(id -u)\n")
    program.chmod(0o755)


# As real images have it; and what one would set to steer the agent, if that listened.
ENVIRONMENT = ["--env", "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
               "--env", "OPENSHELL_SANDBOX=forged", "--env", "OPENSHELL_POLICY=forged",
               "--env", "OPENSHELL_SUPERVISOR_TOPOLOGY=sidecar"]

TREES = {
    # As first process it would not heed SIGTERM, and podman would wait ten seconds for each pod's end.
    PAUSE_IMAGE: (pause_tree, "scratch", [
        "--entrypoint", '["/busybox","sleep","2147483647"]', "--stop-signal", "SIGKILL"]),
    AGENT_IMAGE: (agent_tree, "scratch", ["--entrypoint", '["/openshell-agent"]']),
    BUSYBOX: (busybox_tree, "scratch", ENVIRONMENT),
    # It says what it was called with.
    ENTRY: (busybox_tree, "scratch", [
        *ENVIRONMENT, "--entrypoint", '["/bin/sh","-c","echo started as $0 $*; exec sleep 2147483647","entry"]',
        "--cmd", "one two"]),
    SCRATCH: (programs_tree, "scratch", ENVIRONMENT),
    CLIENTS: (clients_tree, "scratch", ENVIRONMENT),
    DEBIAN: (programs_tree, DEBIAN_BASE, ENVIRONMENT),
    TOOLS: (tools_tree, TOOLS_BASE, ENVIRONMENT),
    HOSTILE: (hostile_tree, DEBIAN_BASE, ENVIRONMENT),
    **{f"{LINKED}-{name}": (linked_tree(name, f"tmp/{name}"), "scratch", ENVIRONMENT)
       for name in ("opt", "run", "etc")},
    # Its own volume comes to lie over a folder of ours: the path is the longer one, so it is mounted later.
    **{f"{LINKED}-{name}-volume": (linked_tree("a/b/c/d", target), "scratch",
                                   [*ENVIRONMENT, "--volume", "/a/b/c/d"])
       for name, target in (("policy", "etc/openshell/policy"), ("tls", "etc/openshell-tls"))},
    COVERING: (covering_tree, "scratch", [*ENVIRONMENT, "--volume", f"/{DEEP_LINK}"]),
    # The same for a volume of the pod's.
    f"{LINKED}-agent": (linked_tree("a/b/c/d", "opt/openshell"), "scratch", ENVIRONMENT),
}


def _commit(buildah, name: str, content: pathlib.Path, settings: list[str],
            base: str = "scratch") -> None:
    """One layer of `content` (a directory or a tar) on `base`, with owners and extended attributes,
    which `buildah add` would not keep."""
    container = buildah("from", "--pull-never", base).strip()
    mounted = buildah("mount", container).strip()
    if content.is_dir():
        _output("cp", "--archive", f"{content}/.", mounted)
    else:
        _output("tar", "--extract", "--numeric-owner", "--file", content, "--directory", mounted)
    buildah("umount", container)
    if settings:
        buildah("config", *settings, container)
    buildah("commit", "--quiet", "--rm", "--timestamp", "0", container, name)


def _buildah_of(podman: Podman):
    return lambda *argv: podman.tool("buildah", *argv).stdout.decode()


def ensure(podman: Podman, out: pathlib.Path, *names: str) -> None:
    """Builds those of `names` that this podman does not have yet. `out`: where programs were built."""
    for name in names:
        if podman.has_image(name):
            continue
        make_tree, base, settings = TREES[name]
        if base in ROOTS:
            podman.see_store(root_store(base))
        with tempfile.TemporaryDirectory(dir=podman.state) as tree:
            os.chmod(tree, 0o755)
            make_tree(pathlib.Path(tree), out)
            _commit(_buildah_of(podman), name, pathlib.Path(tree), settings, base)


# --- product images ------------------------------------------------------------------------------
def library_packages(program: pathlib.Path) -> list[str]:
    """The Debian packages that hold the shared libraries of a program."""
    packages = set()
    for line in _output("ldd", program).splitlines():
        path = line.split("=>")[-1].split()[0]
        if path.startswith("/"):
            owner = _output("dpkg-query", "--search", f"*{os.path.realpath(path).removeprefix('/usr')}")
            packages.add(owner.split(":")[0])
    return sorted(packages)


def webhook_tar(tar: pathlib.Path, out: pathlib.Path, scratch: pathlib.Path) -> None:
    """The webhook, the libraries it links, unpacked but not installed, and whom it trusts: no shell, no dpkg."""
    root = scratch / "root"
    debian_root(root, "extract", library_packages(out / "openshell-webhook"), *SLIM)
    for name in ("dev", "var", "run", "tmp", "proc", "sys", "etc/apt"):
        shutil.rmtree(root / name, ignore_errors=True)
    shutil.copy(out / "openshell-webhook", root / "openshell-webhook")
    # Where its HTTP client looks.
    roots = root / "etc/ssl/certs"
    roots.mkdir(parents=True, exist_ok=True)
    (roots / "ca-certificates.crt").write_bytes(trust_store())
    _output("tar", "-C", root, "-cf", tar, ".")


def ensure_product(podman: Podman, out: pathlib.Path) -> None:
    """Both product images, in this podman."""
    ensure(podman, out, AGENT_IMAGE)
    if podman.has_image(WEBHOOK_IMAGE):
        return
    with tempfile.TemporaryDirectory(dir=podman.state) as scratch:
        tar = pathlib.Path(scratch) / "webhook.tar"
        webhook_tar(tar, out, pathlib.Path(scratch))
        settings = ["--entrypoint", '["/openshell-webhook"]', "--user", WEBHOOK_USER]
        _commit(_buildah_of(podman), WEBHOOK_IMAGE, tar, settings)


def archive(podman: Podman, image: str, target: pathlib.Path) -> None:
    """Writes an image as what podman, docker, ctr and kind can load."""
    target.unlink(missing_ok=True)
    podman.podman("save", "--quiet", "--format", "docker-archive", "-o", str(target), image)


def save_product(out: pathlib.Path) -> None:
    """Writes OUT/images/{agent,webhook}.tar."""
    archives = out / "images"
    archives.mkdir(exist_ok=True)
    with Podman() as podman:
        ensure_product(podman, out)
        for name, image in (("agent", AGENT_IMAGE), ("webhook", WEBHOOK_IMAGE)):
            target = archives / f"{name}.tar"
            archive(podman, image, target)
            print(f"  IMAGE {target} ({target.stat().st_size // 1024} KiB)")


def _output(*argv, **options) -> str:
    done = subprocess.run([str(a) for a in argv], capture_output=True, text=True, **options)
    if done.returncode != 0:
        raise SystemExit(f"{argv[0]} {argv[1]} … exited {done.returncode}: {done.stderr.strip()}")
    return done.stdout


def main() -> None:
    match sys.argv[1:]:
        case ["product", out]:
            save_product(pathlib.Path(out).resolve())
        case ["bare", target, packages]:
            debian_root(pathlib.Path(target), "minbase", packages.split(","))
        case _:
            raise SystemExit("usage: images.py product OUT | bare DIRECTORY PACKAGE,...")


if __name__ == "__main__":
    main()
