#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Builds Kubernetes 1.20.2 from Debian's source package, with Debian's Go, into DIRECTORY: build.sh DIRECTORY.
# Takes 10 minutes of processor time, and 3 GB of disk while it builds.
set -eu

version=v1.20.2
out=$1
work=$out.build
packages="golang-1.19-go golang-github-modern-go-reflect2-dev dpkg-dev"
mkdir -p "$work/lists/partial" "$work/gopath/src/k8s.io"

# shellcheck disable=SC2086 # a list of package names
dpkg-query -W $packages >/dev/null 2>&1 ||
	apt-get -q install -y --no-install-recommends $packages >"$work/apt.log" 2>&1 || {
		cat "$work/apt.log" >&2
		exit 1
	}

# apt with a source list and an index of its own, as the machine's may lack the source packages. The mirror is
# the machine's, and apt checks what comes from it against Debian's signature.
apt_source() {
	apt-get -q -o Dir::Etc::sourcelist="$work/debian.list" -o Dir::Etc::sourceparts=- \
		-o Dir::State::lists="$work/lists" "$@"
}
# shellcheck disable=SC2016 # apt's own variables
mirror=$(apt-get indextargets --format '$(REPO_URI) $(RELEASE)' 'Identifier: Packages' |
	sed -n 's/ bookworm$//p' | head -n 1)
[ -n "$mirror" ] || {
	echo "apt knows no Debian bookworm mirror: add one and run apt-get update" >&2
	exit 1
}
echo "deb-src [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror bookworm main" >"$work/debian.list"
cd "$work"
{
	apt_source update
	apt_source source --download-only kubernetes
	dpkg-source --no-check -x kubernetes_*.dsc source
} >"$work/source.log" 2>&1 || {
	cat "$work/source.log" >&2
	exit 1
}

# Go 1.18 changed its map iterator, after which the vendored reflect2 corrupts memory: kube-apiserver dies at
# the first call of a mutating webhook.
reflect2=source/vendor/github.com/modern-go/reflect2
rm -rf "$reflect2"
mkdir "$reflect2"
cp /usr/share/gocode/src/github.com/modern-go/reflect2/*.go /usr/share/gocode/src/github.com/modern-go/reflect2/*.s "$reflect2"
rm -f "$reflect2"/*_test.go

ln -s "$work/source" gopath/src/k8s.io/kubernetes
export PATH="/usr/lib/go-1.19/bin:$PATH" GOPATH="$work/gopath" GOCACHE="$work/cache" GO111MODULE=off GOFLAGS='' CGO_ENABLED=0
cd gopath/src/k8s.io/kubernetes

# What the upstream Makefile generates and a bare `go build` lacks. The violations must be those it knows.
go build -o "$work/openapi-gen" ./vendor/k8s.io/kube-openapi/cmd/openapi-gen
inputs=$(grep -RlE --include='*.go' '^// *\+k8s:openapi-gen=' pkg cmd plugin vendor/k8s.io |
	grep -v -e vendor/k8s.io/code-generator/ -e vendor/k8s.io/sample-apiserver/ -e vendor/k8s.io/kube-openapi/ |
	xargs -n 1 dirname | LC_ALL=C sort -u | sed 's#^#k8s.io/kubernetes/#' | paste -s -d ,)
"$work/openapi-gen" --logtostderr -i "$inputs" -p k8s.io/kubernetes/pkg/generated/openapi -O zz_generated.openapi \
	-h vendor/k8s.io/code-generator/hack/boilerplate.go.txt -r "$work/violations"
diff "$work/violations" api/api-rules/violation_exceptions.list

symbols=
for package in component-base/version client-go/pkg/version; do
	package=k8s.io/kubernetes/vendor/k8s.io/$package
	symbols="$symbols -X $package.gitVersion=$version -X $package.gitMajor=1 -X $package.gitMinor=20"
	symbols="$symbols -X $package.gitTreeState=clean"
done
for program in kube-apiserver kubelet kube-controller-manager kube-scheduler kube-proxy kubectl; do
	echo "  GO    $program $version"
	nice go build -p 2 -ldflags "-s -w$symbols" -o "$out/$program" "k8s.io/kubernetes/cmd/$program"
done
rm -rf "$work"
