/* SPDX-License-Identifier: Apache-2.0 */
/* Devices, /proc/sys, /sys, cgroups: files that are doors. They are opened, not used. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "tests/peers/attack/attack.h"

static struct verdict open_file(const struct attack *attack)
{
	int fd = open(attack->path, (int)attack->arg0 | O_NONBLOCK | O_CLOEXEC);

	if (fd == -1 && (errno == ENOENT || errno == ENXIO || errno == ENODEV))
		return not_tried("%s is not there", attack->path);
	return judge(attack->path, fd);
}

static struct verdict make_node(const struct attack *attack)
{
	char path[4096];

	snprintf(path, sizeof(path), "%s/attack-node", setting("ATTACK_WRITABLE", "/tmp"));
	struct verdict verdict =
		judge("mknod", mknod(path, (mode_t)attack->arg0 | 0600,
				     makedev((unsigned)attack->arg1, (unsigned)attack->arg2)));
	unlink(path);
	return verdict;
}

#define NOT_THERE "not tried where there is none"
#define DOOR(name, path, flags, stopped_by)                         \
	{                                                           \
		name, open_file, stopped_by, NOT_THERE, path, flags \
	}
#define SYSCTL(name, path) DOOR("sysctl_" name, "/proc/sys/" path, O_WRONLY, "UID; read-only mount")
#define DEVICE(name) DOOR("dev_" name, "/dev/" name, O_RDWR, "not in the container; UID; Landlock")

static const struct attack rows[] = {
	SYSCTL("core_pattern", "kernel/core_pattern"),
	SYSCTL("modprobe", "kernel/modprobe"),
	SYSCTL("hostname", "kernel/hostname"),
	SYSCTL("unprivileged_bpf", "kernel/unprivileged_bpf_disabled"),
	SYSCTL("ip_forward", "net/ipv4/ip_forward"),
	SYSCTL("route_localnet", "net/ipv4/conf/all/route_localnet"),
	SYSCTL("ping_group_range", "net/ipv4/ping_group_range"),
	SYSCTL("binfmt_register", "fs/binfmt_misc/register"),
	DOOR("sysrq_trigger", "/proc/sysrq-trigger", O_WRONLY, "UID; read-only mount"),
	DOOR("proc_kcore", "/proc/kcore", O_RDONLY, "UID; masked"),
	DOOR("proc_kmsg", "/proc/kmsg", O_RDONLY, "UID; no CAP_SYSLOG"),
	DOOR("proc_irq", "/proc/irq/default_smp_affinity", O_WRONLY, "UID; read-only mount"),
	DOOR("sys_uevent_helper", "/sys/kernel/uevent_helper", O_WRONLY, "UID; read-only mount"),
	DOOR("sys_hugepages", "/sys/kernel/mm/transparent_hugepage/enabled", O_WRONLY,
	     "UID; read-only mount"),
	DOOR("sys_debug", "/sys/kernel/debug/tracing", O_RDONLY | O_DIRECTORY, "UID"),
	DOOR("cgroup_procs", "/sys/fs/cgroup/cgroup.procs", O_WRONLY, "UID; read-only mount"),
	DOOR("cgroup_kill", "/sys/fs/cgroup/cgroup.kill", O_WRONLY, "UID; read-only mount"),
	DOOR("cgroup_memory", "/sys/fs/cgroup/memory.max", O_WRONLY, "UID; read-only mount"),
	DOOR("cgroup_pids", "/sys/fs/cgroup/pids.max", O_WRONLY, "UID; read-only mount"),
	DEVICE("mem"),
	DEVICE("kmem"),
	DEVICE("port"),
	DEVICE("kmsg"),
	DEVICE("kvm"),
	DEVICE("fuse"),
	DEVICE("loop0"),
	DEVICE("loop-control"),
	DEVICE("net/tun"),
	DEVICE("vhost-net"),
	DEVICE("vsock"),
	DEVICE("uinput"),
	DEVICE("snapshot"),
	DEVICE("console"),
	{ "mknod_block", make_node, "no CAP_MKNOD", 0, 0, S_IFBLK, 7 },
	{ "mknod_mem", make_node, "no CAP_MKNOD", 0, 0, S_IFCHR, 1, 1 },
	{ "mknod_tun", make_node, "no CAP_MKNOD", 0, 0, S_IFCHR, 10, 200 },
};

const struct attack_table system_file_attacks = TABLE("Devices and the system's files", rows);
