# SPDX-License-Identifier: Apache-2.0
# To be read by a recipe, which then has a Go of 1.24 or newer in `go`: Debian's own, which is too old, may come
# first in PATH. What is built depends on the source and on the compiler alone.
# shellcheck shell=sh
IFS=:
for folder in $PATH /usr/local/go/bin; do
	[ -x "$folder/go" ] && "$folder/go" version | grep -qE 'go1\.(2[4-9]|[3-9][0-9])' && go=$folder/go && break
done
unset IFS
[ -n "${go:-}" ] || {
	echo "this takes Go 1.24 or newer in PATH" >&2
	exit 1
}
export GOFLAGS=-mod=readonly GOTOOLCHAIN=local CGO_ENABLED=0
