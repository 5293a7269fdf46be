#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Builds Kubernetes 1.34 from its Go modules into DIRECTORY: build.sh DIRECTORY.
#
# go.sum has the hash of every module, so what is built is what was tested. It is the newest release that
# Debian 12 carries: later ones want containerd 2 or unified cgroups. Takes Go 1.24 or newer, 9 minutes of
# processor time, and 3 GB of disk while it builds.
set -eu

out=$1
here=$(cd "$(dirname "$0")" && pwd)
cd "$here"
# shellcheck source=tools/go.sh
. ../../../../tools/go.sh
export GOCACHE="$out.build"
version=$("$go" list -m -f '{{.Version}}' k8s.io/kubernetes)
minor=${version#v1.}
minor=${minor%%.*}
# What `kubectl version` says, and what clients compare.
symbols=
for package in k8s.io/component-base/version k8s.io/client-go/pkg/version; do
	symbols="$symbols -X $package.gitVersion=$version -X $package.gitMajor=1 -X $package.gitMinor=$minor"
	symbols="$symbols -X $package.gitTreeState=clean"
done
# The first program compiles most of what the others need.
for program in kube-apiserver kubelet kube-controller-manager kube-scheduler kube-proxy kubectl; do
	echo "  GO    $program $version"
	nice "$go" build -p 2 -trimpath -buildvcs=false -tags selinux,notest,grpcnotrace \
		-ldflags "-s -w$symbols" -o "$out/$program" "k8s.io/kubernetes/cmd/$program"
done
rm -rf "$out.build"
