# SPDX-License-Identifier: Apache-2.0
# To be read by a recipe, which then has a Go of 1.24 or newer in `go`: one from PATH, where Debian's own, which is too
# old, may come first; else the one of tools/go, which Debian's fetches. What is built depends on the source and on
# the compiler alone.
# shellcheck shell=sh
IFS=:
for folder in $PATH /usr/local/go/bin; do
	[ -x "$folder/go" ] && "$folder/go" version | grep -qE 'go1\.(2[4-9]|[3-9][0-9])' && go=$folder/go && break
done
unset IFS
export GOFLAGS=-mod=readonly GOTOOLCHAIN=local CGO_ENABLED=0
if [ -z "${go:-}" ]; then
	tools=$PWD
	until [ -d "$tools/tools/go" ]; do tools=${tools%/*}; done
	echo "  GO    a newer Go than Debian's" >&2
	# Its files are checked by the hash in go.sum. Modules know no file that can be executed.
	goroot=$(cd "$tools/tools/go" && go mod download && go list -m -f '{{.Dir}}' golang.org/toolchain)
	chmod +x "$goroot"/bin/* "$goroot"/pkg/tool/*/*
	go=$goroot/bin/go
	unset tools goroot
fi
