/* SPDX-License-Identifier: Apache-2.0 */
/* Another view of the files, by the old mount interface and the new. Those that succeed act in a
 * mount namespace of their own where they may have one, so that they harm no later attack. */
#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <linux/sched.h>
#include <stddef.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "agent/sandbox/seccomp_newer.h"
#include "tests/peers/attack/attack.h"

static void shield(void)
{
	if (syscall(SYS_unshare, CLONE_NEWNS) == 0)
		syscall(SYS_mount, "none", "/", NULL, MS_REC | MS_PRIVATE, NULL);
}

static struct verdict mount_over_writable(const struct attack *attack)
{
	shield();
	long result = syscall(SYS_mount, attack->path, setting("ATTACK_WRITABLE", "/tmp"),
			      attack->path, attack->arg0, NULL);
	struct verdict verdict = judge("mount", result);

	if (verdict.outcome == GOT_OUT)
		syscall(SYS_umount2, setting("ATTACK_WRITABLE", "/tmp"), MNT_DETACH);
	return verdict;
}

static struct verdict remount(const struct attack *attack)
{
	shield();
	return judge("mount", syscall(SYS_mount, NULL, attack->path, NULL, attack->arg0, NULL));
}

static struct verdict unmount(const struct attack *attack)
{
	shield();
	return judge("umount2", syscall(SYS_umount2, attack->path, MNT_DETACH));
}

static struct verdict open_new_tmpfs(const struct attack *attack)
{
	(void)attack;
	return judge("fsopen", syscall(SYS_fsopen, "tmpfs", 0));
}

/* The whole chain, from a name to a folder that others see. */
static struct verdict mount_new_tmpfs(const struct attack *attack)
{
	(void)attack;
	shield();
	int context = (int)syscall(SYS_fsopen, "tmpfs", 0);
	if (syscall(SYS_fsconfig, context, FSCONFIG_CMD_CREATE, NULL, NULL, 0) == -1)
		return held_errno("fsconfig");
	int mounted = (int)syscall(SYS_fsmount, context, 0, 0);
	if (mounted == -1)
		return held_errno("fsmount");
	return judge("move_mount",
		     syscall(SYS_move_mount, mounted, "", AT_FDCWD,
			     setting("ATTACK_WRITABLE", "/tmp"), MOVE_MOUNT_F_EMPTY_PATH));
}

static struct verdict pick_root(const struct attack *attack)
{
	(void)attack;
	return judge("fspick", syscall(SYS_fspick, AT_FDCWD, "/", 0));
}

static struct verdict clone_tree(const struct attack *attack)
{
	struct {
		unsigned long long set, clear, propagation, userns_fd;
	} attributes = { .clear = MOUNT_ATTR_RDONLY };

	if (attack->arg0 == __NR_open_tree_attr)
		return judge("open_tree_attr", syscall(attack->arg0, AT_FDCWD, "/", OPEN_TREE_CLONE,
						       &attributes, sizeof(attributes)));
	return judge("open_tree", syscall(attack->arg0, AT_FDCWD, "/", OPEN_TREE_CLONE));
}

static struct verdict set_attributes(const struct attack *attack)
{
	struct {
		unsigned long long set, clear, propagation, userns_fd;
	} attributes = { .clear = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID };

	(void)attack;
	shield();
	return judge("mount_setattr",
		     syscall(SYS_mount_setattr, AT_FDCWD, "/", 0, &attributes, sizeof(attributes)));
}

static struct verdict change_root(const struct attack *attack)
{
	(void)attack;
	return judge("chroot", syscall(SYS_chroot, setting("ATTACK_WRITABLE", "/tmp")));
}

static struct verdict pivot(const struct attack *attack)
{
	const char *writable = setting("ATTACK_WRITABLE", "/tmp");

	(void)attack;
	shield();
	/* The new root has to be a mount; what refuses this one refuses the attack. */
	syscall(SYS_mount, "tmpfs", writable, "tmpfs", 0, NULL);
	if (chdir(writable) == -1)
		return not_tried("%s cannot be entered", writable);
	return judge("pivot_root", syscall(SYS_pivot_root, ".", "."));
}

#define STOP "seccomp; no CAP_SYS_ADMIN"

static const struct attack rows[] = {
	{ "mount_tmpfs", mount_over_writable, STOP, 0, "tmpfs" },
	{ "mount_proc", mount_over_writable, STOP, 0, "proc" },
	{ "mount_sysfs", mount_over_writable, STOP, "holds in a user namespace", "sysfs" },
	{ "mount_cgroup2", mount_over_writable, STOP, 0, "cgroup2" },
	{ "mount_bind", mount_over_writable, STOP, 0, "/", MS_BIND },
	{ "mount_remount_root", remount, STOP, 0, "/", MS_REMOUNT | MS_BIND },
	{ "mount_shared_root", remount, STOP, 0, "/", MS_REC | MS_SHARED },
	{ "mount_remount_agent", remount, STOP, "holds where nothing is mounted there",
	  "/opt/openshell", MS_REMOUNT | MS_BIND },
	{ "umount_proc", unmount, STOP, 0, "/proc" },
	{ "umount_agent", unmount, STOP, "holds where nothing is mounted there", "/opt/openshell" },
	{ "fsopen", open_new_tmpfs, STOP },
	{ "fsmount_and_move_mount", mount_new_tmpfs, STOP },
	{ "fspick", pick_root, STOP },
	{ "open_tree", clone_tree, STOP, 0, 0, __NR_open_tree },
	{ "open_tree_attr", clone_tree, STOP, "holds before Linux 6.15", 0, __NR_open_tree_attr },
	{ "mount_setattr", set_attributes, STOP },
	{ "chroot", change_root, "seccomp; no CAP_SYS_CHROOT" },
	{ "pivot_root", pivot, STOP, "holds on an initial ramdisk" },
};

const struct attack_table mount_attacks = TABLE("Mounts and roots", rows);
