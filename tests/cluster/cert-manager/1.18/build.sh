#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Builds the parts of cert-manager 1.18 that main.go names into DIRECTORY, with its CRDs: build.sh DIRECTORY.
#
# Its own programs are modules that are published under no version, so main.go stands for them: it starts the same controllers.
# go.sum has the hash of every module. Takes Go 1.24 or newer, 3 minutes of processor time, 1 GB of disk while it builds.
set -eu

out=$1
here=$(cd "$(dirname "$0")" && pwd)
cd "$here"
# shellcheck source=tools/go.sh
. ../../../../tools/go.sh
export GOCACHE="$out.build"
module=github.com/cert-manager/cert-manager
echo "  GO    cert-manager $("$go" list -m -f '{{.Version}}' $module)"
nice "$go" build -p 2 -trimpath -buildvcs=false -ldflags "-s -w" -o "$out/cert-manager" .
cp "$("$go" list -m -f '{{.Dir}}' $module)"/deploy/crds/crd-*.yaml "$out"
chmod u+w "$out"/*.yaml
rm -rf "$out.build"
