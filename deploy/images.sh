#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Builds the container images of both programs from what was built in OUT: deploy/images.sh OUT.
set -eu
exec /usr/bin/python3 "$(dirname "$0")/../tools/images.py" product "$1"
