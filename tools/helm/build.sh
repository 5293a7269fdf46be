#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Builds Helm from its Go module into DIRECTORY: build.sh DIRECTORY.
#
# go.sum has the hash of every module, so what is built is what was tested. Takes Go 1.24 or newer, and 4 minutes
# of processor time.
set -eu

out=$1
cd "$(dirname "$0")"
# shellcheck source=tools/go.sh
. ../go.sh
export GOCACHE="$out.build"
version=$("$go" list -m -f '{{.Version}}' helm.sh/helm/v3)
# What charts see of the cluster where there is none: the Kubernetes that this Helm was made for.
minor=$("$go" list -m -f '{{.Version}}' k8s.io/client-go)
minor=${minor#v0.}
package=helm.sh/helm/v3
symbols="-X $package/internal/version.version=$version -X $package/pkg/chartutil.k8sVersionMajor=1"
symbols="$symbols -X $package/pkg/chartutil.k8sVersionMinor=${minor%%.*} -X $package/pkg/lint/rules.k8sVersionMajor=1"
symbols="$symbols -X $package/pkg/lint/rules.k8sVersionMinor=${minor%%.*}"
echo "  GO    helm $version"
nice "$go" build -p 2 -trimpath -buildvcs=false -ldflags "-s -w $symbols" -o "$out/helm" "$package/cmd/helm"
rm -rf "$out.build"
