# SPDX-License-Identifier: Apache-2.0
"""cluster: a real Kubernetes on this machine, of one node, without systemd and without the internet.

Etcd, containerd and runc are Debian's; Kubernetes is what `release` built. One cluster at a time: its links,
chains and sockets have fixed names. All that it changes on the machine is undone by `down`, also after a run
that was killed."""
import fcntl
import json
import os
import pathlib
import shutil
import subprocess
import time

import components
import images
import machine
from components import Places
from daemons import Daemons, Failed, wait_for
from machine import run
from pki import Authority
from podman import PAUSE_IMAGE, Podman, cache_dir
from release import Release

HERE = pathlib.Path(__file__).resolve().parent
TOOLS = HERE.parent.parent / "tools"
PROGRAMS = ("etcd", "etcdctl", "containerd", "ctr", "runc", "ip", "iptables", "ip6tables", "nft", "conntrack",
            "busybox", "openssl", "podman", "buildah", "/usr/lib/cni/bridge")
# What the pods of a cluster may be made of: from tools/images.py, plus the two that are shipped.
TEST_IMAGES = (PAUSE_IMAGE, images.BUSYBOX, images.CLIENTS)
OUTSIDE_TOKEN = "from-outside"
OUTSIDE_NAMES = ("ext.example.test", "api.example.test")
# In the order in which they are ended; the containers are between the two.
BEFORE_CONTAINERS = ("kubelet", "kube-proxy", "kube-scheduler", "kube-controller-manager", "netpol")
AFTER_CONTAINERS = ("kube-apiserver", "containerd", "etcd", "outside")
SECONDS = 90


class Cluster:
    """Brought up by `up`, ended by `down`; `out` is where our programs were built."""

    def __init__(self, release: Release, out: pathlib.Path):
        self.release, self._out = release, out
        self.at = Places(cache_dir() / "cluster")
        self._daemons = Daemons(self.at.daemons)
        self._lock: int | None = None
        self._began = time.monotonic()

    @property
    def outside_address(self) -> str:
        return machine.OUTSIDE_ADDRESS

    @property
    def kubeconfig(self) -> pathlib.Path:
        return self.at.kubeconfig("admin")

    def kubectl(self, *argv, **options) -> subprocess.CompletedProcess:
        return subprocess.run([self.release.programs / "kubectl", f"--kubeconfig={self.kubeconfig}", *argv],
                              capture_output=True, text=True, **options)

    # --- up ---------------------------------------------------------------------------------------
    def up(self) -> None:
        self._check_machine()
        self.release.ensure()
        self._take_turn()
        self._remove()
        if machine.is_taken():
            raise Failed(f"chains {machine.CHAINS} or the link {machine.NODE_LINK} are there: another Kubernetes?")
        self._began = time.monotonic()
        try:
            self._start()
        except BaseException:
            self.down()
            raise

    def _check_machine(self) -> None:
        if os.geteuid() != 0:
            raise Failed("a cluster takes root")
        missing = [program for program in PROGRAMS if not shutil.which(program)]
        if missing:
            raise Failed(f"not installed: {', '.join(missing)} (tools/packages-cluster.txt)")

    def _take_turn(self) -> None:
        """Only one run at a time has the machine's cluster."""
        self.at.state.parent.mkdir(parents=True, exist_ok=True)
        self._lock = os.open(f"{self.at.state}.lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("  another run has the cluster, waiting for it to end", flush=True)
            fcntl.flock(self._lock, fcntl.LOCK_EX)

    def _start(self) -> None:
        for folder in (self.at.conf / "cni", self.at.static_pods, self.at.registries, self.at.data / "etcd", self.at.kubelet,
                       self.at.images):
            folder.mkdir(parents=True)
        self._make_keys()
        machine.set_up(self.at.machine)
        self._start_outside()
        self._daemons.start("etcd", *components.etcd(self.at))
        self._start_containerd()
        wait_for("etcd", SECONDS, self._etcd_answers)
        self.start_apiserver()
        self._import_images()
        self._lap("images are imported")
        wait_for("the API server", SECONDS, self.apiserver_answers)
        self._lap("the API server answers")
        for name, argv in (("kube-controller-manager", components.controller_manager),
                           ("kube-scheduler", components.scheduler), ("kube-proxy", components.proxy)):
            self._daemons.start(name, *argv(self.at, self.release))
        self.enforce()
        self._prepare_kubelet()
        self.start_kubelet()
        self._finish_node()
        self._lap("the node is ready")
        self._start_dns()
        self._lap(f"names resolve; Kubernetes {self.release.name} is up")

    def _lap(self, what: str) -> None:
        print(f"  {time.monotonic() - self._began:5.1f} s  {what}", flush=True)

    def _make_keys(self) -> None:
        ca = Authority(self.at.pki, "ca")
        service = ["kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local"]
        node, address = machine.NODE, f"IP:{machine.NODE_ADDRESS}"
        ca.issue("apiserver", "/CN=kube-apiserver", "serverAuth", *(f"DNS:{name}" for name in service), address,
                 f"IP:{machine.FIRST_SERVICE}")
        ca.issue("kubelet-serving", f"/O=system:nodes/CN=system:node:{node}", "serverAuth", f"DNS:{node}", address)
        ca.issue("apiserver-client", "/O=system:masters/CN=kube-apiserver-kubelet-client", "clientAuth")
        ca.issue("registry", "/CN=registry", "serverAuth", address)
        ca.issue("outside", "/CN=outside", "serverAuth", *(f"DNS:{name}" for name in OUTSIDE_NAMES))
        ca.signing_key("accounts")
        for who, subject in (("admin", "/O=system:masters/CN=admin"),
                             ("kubelet", f"/O=system:nodes/CN=system:node:{node}"),
                             ("controller-manager", "/CN=system:kube-controller-manager"),
                             ("scheduler", "/CN=system:kube-scheduler"), ("proxy", "/CN=system:kube-proxy")):
            ca.issue(who, subject, "clientAuth")
            ca.kubeconfig(who, components.SERVER, self.at.kubeconfig(who))

    def _start_outside(self) -> None:
        """The servers of the other tests; what arrives there is in `arrived`."""
        zone, files = self.at.conf / "zone.json", self.at.conf / "files"
        zone.write_text("{}")
        files.mkdir()
        self._daemons.start("outside", "ip", "netns", "exec", machine.OUTSIDE, TOOLS / "internet_servers.py",
                            self.at.pki / "outside.crt", self.at.pki / "outside.key", zone, self.at.arrived,
                            OUTSIDE_TOKEN, files)
        wait_for("the servers outside", SECONDS, lambda: "ready" in self._daemons.tail("outside"))

    @staticmethod
    def _etcd_answers() -> bool:
        return subprocess.run(["etcdctl", f"--endpoints={components.ETCD}", "endpoint", "health"], capture_output=True,
                              env={**os.environ, "ETCDCTL_API": "3"}).returncode == 0

    def _start_containerd(self) -> None:
        (self.at.conf / "containerd.toml").write_text(components.containerd_config(self.at))
        (self.at.conf / "cni/pods.conflist").write_text(json.dumps(components.cni_config(self.at)))
        self._daemons.start("containerd", "containerd", "--config", self.at.conf / "containerd.toml")

    def start_apiserver(self) -> None:
        (self.at.conf / "audit.json").write_text(json.dumps(components.AUDIT_POLICY))
        self._daemons.start("kube-apiserver", *components.apiserver(self.at, self.release))

    def stop_apiserver(self) -> None:
        self._daemons.stop("kube-apiserver")

    def apiserver_answers(self) -> bool:
        return self.kubectl("get", "--raw", "/readyz").returncode == 0

    def enforce(self, late: float = 0) -> None:
        """NetworkPolicies, each change up to `late` seconds after it came; what holds goes on holding meanwhile."""
        self._daemons.stop("netpol")
        self._daemons.start("netpol", "/usr/bin/python3", HERE / "addons/netpol.py", components.SERVER, self.at.pki,
                            machine.NETPOL_TABLE, late)

    def start(self, name: str, *argv) -> None:
        """One more process beside its own, which ends with it at the latest."""
        self._daemons.start(name, *argv)

    def stop(self, name: str) -> None:
        self._daemons.stop(name)

    def tail(self, name: str) -> str:
        return self._daemons.tail(name)

    def enforce_nothing(self) -> None:
        """No NetworkPolicy has an effect, until `enforce`."""
        self._daemons.stop("netpol")
        run("nft", "delete", "table", "ip", machine.NETPOL_TABLE)

    def _prepare_kubelet(self) -> None:
        run("mount", "--bind", self.at.kubelet, self.at.kubelet)
        run("mount", "--make-rshared", self.at.kubelet)
        (self.at.conf / "resolv.conf").touch()
        (self.at.conf / "kubelet.json").write_text(json.dumps(components.kubelet_config(self.at, self.release)))

    def start_kubelet(self) -> None:
        # 1.20 would ask a metadata service for credentials, for 5 s.
        self._daemons.start("kubelet", *components.kubelet(self.at, self.release),
                            env={"AWS_EC2_METADATA_DISABLED": "true"})

    def stop_kubelet(self) -> None:
        """As if the node were cut off: its containers run on."""
        self._daemons.stop("kubelet")

    # --- images -----------------------------------------------------------------------------------
    def _ctr(self, *argv, check: bool = True) -> str:
        return run("ctr", "--address", self.at.containerd_socket, "--namespace", "k8s.io", *argv, check=check)

    def kill(self, container: str) -> None:
        """SIGKILL for a container, by its `containerID` in the pod's status."""
        self._ctr("tasks", "kill", "--signal", "KILL", container.removeprefix("containerd://"))

    def runs(self, uid: str) -> bool:
        """Whether a container of this pod runs, whatever the API server knows."""
        ids = self._ctr("containers", "ls", "--quiet", f'labels."io.kubernetes.pod.uid"=={uid}').split()
        return any(line.split()[0] in ids for line in self._ctr("tasks", "ls").splitlines() if "RUNNING" in line)

    def tag_image(self, name: str, other: str) -> None:
        """An image of the node gets another name beside its own."""
        self._ctr("images", "tag", "--force", name, other)

    def _import_images(self) -> None:
        """Whatever is in the cluster's pods: nothing is pulled."""
        with Podman() as podman:
            images.ensure(podman, self._out, *TEST_IMAGES)
            images.ensure_product(podman, self._out)
            for number, name in enumerate((*TEST_IMAGES, images.AGENT_IMAGE, images.WEBHOOK_IMAGE)):
                images.archive(podman, name, self.at.images / f"{number}.tar")
        wait_for("containerd", SECONDS, lambda: "Server" in self._ctr("version", check=False))
        for archive in self.at.images.iterdir():
            self._ctr("images", "import", archive)

    # --- node and DNS -----------------------------------------------------------------------------
    def _finish_node(self) -> None:
        wait_for("the node to register", SECONDS, lambda: self.kubectl("get", "node", machine.NODE).returncode == 0)
        # Its controller would do it ten seconds later.
        self.kubectl("patch", "node", machine.NODE, "-p", json.dumps(
            {"spec": {"podCIDR": machine.NODE_PODS, "podCIDRs": [machine.NODE_PODS]}}), check=True)
        wait_for("the default account", SECONDS,
                 lambda: self.kubectl("get", "serviceaccount", "default").returncode == 0)
        wait_for("the node to be ready", SECONDS,
                 lambda: " Ready " in self.kubectl("get", "node", machine.NODE).stdout)

    def _start_dns(self) -> None:
        program = self.kubectl("create", "configmap", "cluster-dns", f"--from-file={HERE}/addons/dns.py",
                               "--namespace=kube-system", "--dry-run=client", "--output=yaml", check=True).stdout
        hosts = " ".join(f"{name}={machine.OUTSIDE_ADDRESS}" for name in OUTSIDE_NAMES)
        manifest = (HERE / "addons/dns.yaml").read_text()
        for key, value in (("IMAGE", images.CLIENTS), ("ADDRESS", machine.DNS), ("HOSTS", hosts),
                           ("SLICES", "v1" if self.release.since(21) else "v1beta1")):
            manifest = manifest.replace(f"@{key}@", value)
        self.kubectl("apply", "-f", "-", input=f"{program}---\n{manifest}", check=True)
        wait_for("names to resolve", SECONDS, lambda: subprocess.run(
            ["busybox", "nslookup", "-type=a", "kubernetes.default.svc.cluster.local", machine.DNS],
            capture_output=True).returncode == 0)

    # --- down -------------------------------------------------------------------------------------
    def down(self) -> None:
        self._remove()
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def _remove(self) -> None:
        """All that a run made, also one that was killed."""
        if not self.at.state.exists():
            return
        for name in BEFORE_CONTAINERS:
            self._daemons.stop(name)
        self._end_containers()
        for name in AFTER_CONTAINERS:
            self._daemons.stop(name)
        self._unmount()
        machine.take_down(self.at.machine)
        self._remove_groups()
        shutil.rmtree(self.at.state)

    def _end_containers(self) -> None:
        if not self._daemons.alive("containerd"):
            if not any(self.at.containerd_run.glob("io.containerd.runtime.v2.task/k8s.io/*")):
                return
            # It died and left containers behind: once more, to end them.
            self._start_containerd()
            wait_for("containerd", SECONDS, lambda: "Server" in self._ctr("version", check=False))
        for task in self._ctr("tasks", "ls", "-q", check=False).split():
            self._ctr("tasks", "kill", "--signal", "KILL", task, check=False)
        wait_for("the containers to end", SECONDS, lambda: "RUNNING" not in self._ctr("tasks", "ls", check=False))
        for task in self._ctr("tasks", "ls", "-q", check=False).split():
            self._ctr("tasks", "rm", task, check=False)
        for container in self._ctr("containers", "ls", "-q", check=False).split():
            self._ctr("containers", "rm", container, check=False)
            for result in pathlib.Path("/var/lib/cni/results").glob(f"*-{container}-*"):
                result.unlink()
        for pod in self.at.kubelet.glob("pods/*"):
            for logs in pathlib.Path("/var/log/pods").glob(f"*_{pod.name}"):
                shutil.rmtree(logs)
        for link in pathlib.Path("/var/log/containers").glob("*"):
            if link.is_symlink() and not link.exists():
                link.unlink()

    def _unmount(self) -> None:
        mounts = [line.split()[1] for line in pathlib.Path("/proc/mounts").read_text().splitlines()]
        for place in sorted((m for m in mounts if m.startswith(f"{self.at.state}/")), reverse=True):
            run("umount", "--lazy", place)

    @staticmethod
    def _remove_groups() -> None:
        root = pathlib.Path("/sys/fs/cgroup")
        for top in (root / "kubepods", *root.glob("*/kubepods")):
            for folder, _, _ in os.walk(top, topdown=False):
                try:
                    os.rmdir(folder)
                except OSError:
                    pass
