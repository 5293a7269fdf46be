#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Installs the Debian packages of one group (tools/packages-GROUP.txt) that are missing.
set -eu

group=$1
list=$(dirname "$0")/packages-$group.txt
wanted=$(sed 's/#.*//' "$list" | tr -s ' \n' ' ')
missing=
for package in $wanted; do
	status=$(dpkg-query -W -f '${Status}' "$package" 2>/dev/null) || status=
	[ "$status" = "install ok installed" ] || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

if [ "$(id -u)" != 0 ]; then
	echo "These Debian packages are missing:$missing" >&2
	echo "Install them as root: make deps" >&2
	exit 1
fi
echo "  DEPS  $group:$missing"
export DEBIAN_FRONTEND=noninteractive
log=$(mktemp)
trap 'rm -f "$log"' EXIT
# shellcheck disable=SC2086 # a list of package names
if ! { apt-get -q update && apt-get -q install -y --no-install-recommends $missing; } >"$log" 2>&1; then
	cat "$log" >&2
	exit 1
fi
