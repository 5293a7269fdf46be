#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# enter.sh ROOT ARCHIVES TARGETS: makes ROOT the root directory and runs make there, once for each target; words with `=`
# are variables of all of them.
# Called by tests/bare/run as first process of new namespaces. A real pivot_root, not a chroot: in a
# chroot no container runtime could change roots in its turn.
set -eu

root=$1 archives=$2 targets=$3
mount --make-rprivate /
mount --bind "$root" "$root"
for place in dev sys; do
	mount --rbind "/$place" "$root/$place"
	mount --make-rprivate "$root/$place"
done
mount -t proc proc "$root/proc"
mount -t tmpfs -o mode=755 tmpfs "$root/run"
mount --bind "$archives" "$root/var/cache/apt/archives"
cat /etc/resolv.conf >"$root/etc/resolv.conf"
cat /etc/hosts >"$root/etc/hosts"
hostname bare
mkdir -p "$root/.outside"
cd "$root"
pivot_root . .outside
cd /src
umount -l /.outside
rmdir /.outside

# Not exec: this shell is process 1 and reaps what the container runtime leaves to it.
status=0
variables=
for word in $targets; do
	case $word in *=*) variables="$variables $word" ;; esac
done
for target in $targets; do
	case $target in *=*) continue ;; esac
	echo "  BARE  make $target$variables"
	# shellcheck disable=SC2086 # words of their own
	env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root \
		LANG=C.UTF-8 CI="${CI:-}" make "$target" $variables </dev/null || status=$?
	[ "$status" = 0 ] || break
done
exit "$status"
