# SPDX-License-Identifier: Apache-2.0
"""components: how each program of the control plane and of the node is called, in every release we run.

Pure: places and a release in, argument lists and configuration out."""
import json
import pathlib

from machine import DNS, NODE, NODE_ADDRESS, NODE_PODS, POD_LINK, PODS, SERVICES
from podman import PAUSE_IMAGE
from release import Release

ETCD, ETCD_PEER = "http://127.0.0.1:12379", "http://127.0.0.1:12380"
SERVER = f"https://{NODE_ADDRESS}:6443"


class Places:
    """All folders and files of one cluster; all lie under `state`."""

    def __init__(self, state: pathlib.Path):
        self.state = state
        self.pki, self.conf, self.data, self.daemons = (state / name for name in ("pki", "conf", "data", "daemons"))
        self.images = state / "images"
        self.machine, self.arrived, self.audit = state / "machine.json", state / "arrived", state / "audit"
        self.containerd_run, self.containerd_socket = state / "containerd", state / "containerd.sock"
        self.kubelet = self.data / "kubelet"
        self.static_pods = self.conf / "static"
        self.registries = self.conf / "registries"

    def kubeconfig(self, who: str) -> pathlib.Path:
        return self.conf / f"{who}.kubeconfig"


def etcd(at: Places) -> list:
    return ["etcd", "--name", "n1", "--data-dir", at.data / "etcd", "--log-level", "warn", "--unsafe-no-fsync",
            "--listen-client-urls", ETCD, "--advertise-client-urls", ETCD, "--listen-peer-urls", ETCD_PEER,
            "--initial-advertise-peer-urls", ETCD_PEER, "--initial-cluster", f"n1={ETCD_PEER}"]


def containerd_config(at: Places) -> str:
    quiet = [f"io.containerd.{plugin}" for plugin in (
        "internal.v1.opt", "snapshotter.v1.btrfs", "snapshotter.v1.zfs", "snapshotter.v1.aufs",
        "snapshotter.v1.devmapper", "tracing.processor.v1.otlp", "internal.v1.tracing")]
    return f"""version = 2
root = "{at.data}/containerd"
state = "{at.containerd_run}"
disabled_plugins = {json.dumps(quiet)}
[grpc]
  address = "{at.containerd_socket}"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{PAUSE_IMAGE}"
  stream_server_address = "127.0.0.1"
  # Where root has no CAP_SYS_RESOURCE, nothing could be started otherwise.
  restrict_oom_score_adj = true
  netns_mounts_under_state_dir = true
  # Of a registry that a test made: its folder is put there by the test.
  [plugins."io.containerd.grpc.v1.cri".registry]
    config_path = "{at.registries}"
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "{at.conf}/cni"
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "overlayfs"
    default_runtime_name = "runc"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
"""


def cni_config(at: Places) -> dict:
    return {"cniVersion": "0.4.0", "name": "pods", "plugins": [
        {"type": "bridge", "bridge": POD_LINK, "isDefaultGateway": True, "ipMasq": False, "hairpinMode": True,
         "ipam": {"type": "host-local", "dataDir": f"{at.data}/addresses", "ranges": [[{"subnet": NODE_PODS}]]}},
        {"type": "portmap", "capabilities": {"portMappings": True}, "snat": True}]}


# Of pods alone: what a webhook says of them for the log.
AUDIT_POLICY = {"apiVersion": "audit.k8s.io/v1", "kind": "Policy", "omitStages": ["RequestReceived"], "rules": [
    {"level": "Metadata", "verbs": ["create"], "resources": [{"group": "", "resources": ["pods"]}]}, {"level": "None"}]}


def apiserver(at: Places, release: Release) -> list:
    pki = at.pki
    return [release.programs / "kube-apiserver", "--v=1", "--profiling=false", f"--etcd-servers={ETCD}",
            f"--advertise-address={NODE_ADDRESS}", f"--bind-address={NODE_ADDRESS}", "--secure-port=6443",
            f"--audit-policy-file={at.conf}/audit.json", f"--audit-log-path={at.audit}",
            f"--service-cluster-ip-range={SERVICES}", "--authorization-mode=Node,RBAC",
            "--enable-admission-plugins=NodeRestriction", "--allow-privileged=true",
            f"--client-ca-file={pki}/ca.crt", f"--tls-cert-file={pki}/apiserver.crt",
            f"--tls-private-key-file={pki}/apiserver.key", f"--kubelet-certificate-authority={pki}/ca.crt",
            "--kubelet-preferred-address-types=InternalIP",
            f"--kubelet-client-certificate={pki}/apiserver-client.crt",
            f"--kubelet-client-key={pki}/apiserver-client.key",
            "--service-account-issuer=https://kubernetes.default.svc.cluster.local",
            f"--service-account-key-file={pki}/accounts.pub", f"--service-account-signing-key-file={pki}/accounts.key"]


def controller_manager(at: Places, release: Release) -> list:
    config = at.kubeconfig("controller-manager")
    argv = [release.programs / "kube-controller-manager", f"--kubeconfig={config}",
            f"--authentication-kubeconfig={config}", f"--authorization-kubeconfig={config}", "--bind-address=127.0.0.1",
            "--leader-elect=false", "--use-service-account-credentials=true", "--allocate-node-cidrs=false",
            f"--root-ca-file={at.pki}/ca.crt", f"--service-account-private-key-file={at.pki}/accounts.key"]
    return argv + _without_plain_port(release)


def scheduler(at: Places, release: Release) -> list:
    config = at.kubeconfig("scheduler")
    argv = [release.programs / "kube-scheduler", f"--kubeconfig={config}", f"--authentication-kubeconfig={config}",
            f"--authorization-kubeconfig={config}", "--bind-address=127.0.0.1", "--leader-elect=false"]
    return argv + _without_plain_port(release)


def _without_plain_port(release: Release) -> list:
    """Up to 1.23 these two served plain HTTP as well."""
    return [] if release.since(24) else ["--port=0"]


def proxy(at: Places, release: Release) -> list:
    return [release.programs / "kube-proxy", f"--kubeconfig={at.kubeconfig('proxy')}", "--proxy-mode=iptables",
            f"--cluster-cidr={PODS}", f"--hostname-override={NODE}", f"--nodeport-addresses={NODE_ADDRESS}/32",
            "--conntrack-max-per-core=0", "--healthz-bind-address=127.0.0.1:10256",
            "--metrics-bind-address=127.0.0.1:10249"]


def kubelet(at: Places, release: Release) -> list:
    argv = [release.programs / "kubelet", "--v=1", f"--config={at.conf}/kubelet.json",
            f"--kubeconfig={at.kubeconfig('kubelet')}", f"--root-dir={at.kubelet}", f"--cert-dir={at.kubelet}/pki",
            f"--container-runtime-endpoint=unix://{at.containerd_socket}", f"--hostname-override={NODE}",
            f"--node-ip={NODE_ADDRESS}"]
    if not release.since(23):
        argv.append(f"--seccomp-profile-root={at.kubelet}/seccomp")
    if not release.since(24):
        argv.append("--container-runtime=remote")
    return argv


def kubelet_config(at: Places, release: Release) -> dict:
    config = {
        "apiVersion": "kubelet.config.k8s.io/v1beta1", "kind": "KubeletConfiguration",
        "address": NODE_ADDRESS, "healthzBindAddress": "127.0.0.1",
        "authentication": {"anonymous": {"enabled": False}, "webhook": {"enabled": True},
                           "x509": {"clientCAFile": f"{at.pki}/ca.crt"}},
        "authorization": {"mode": "Webhook"},
        "tlsCertFile": f"{at.pki}/kubelet-serving.crt", "tlsPrivateKeyFile": f"{at.pki}/kubelet-serving.key",
        "cgroupDriver": "cgroupfs", "clusterDNS": [DNS], "clusterDomain": "cluster.local",
        # Pods with dnsPolicy Default get no resolver: nothing outside of this machine is to be asked.
        "resolvConf": f"{at.conf}/resolv.conf",
        "staticPodPath": str(at.static_pods),
        "volumePluginDir": f"{at.kubelet}/plugins", "failSwapOn": False, "serializeImagePulls": False,
        "nodeStatusUpdateFrequency": "1s",
        # How often changed ConfigMaps are looked for.
        "syncFrequency": "5s",
        "evictionHard": {"memory.available": "200Mi", "nodefs.available": "2%", "imagefs.available": "2%"},
        "imageGCHighThresholdPercent": 100}
    if release.since(31):
        config["failCgroupV1"] = False
    return config
