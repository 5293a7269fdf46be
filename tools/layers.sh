#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Checks that every #include points down: lib <- certs, policy <- webhook, agent <- tests.
# Within agent/, only cmd_*.c and main.c bring sandbox/, net/ and proxy/ together.
set -eu

cd "$(dirname "$0")/.."
bad=0

# forbid FOLDER-GLOBS PATTERN WHY: no file there may have an include that matches.
forbid() {
	# shellcheck disable=SC2086 # globs
	files=$(find $1 -name '*.[ch]' 2>/dev/null | sort)
	[ -n "$files" ] || return 0
	status=0
	# shellcheck disable=SC2086 # a list of files
	found=$(grep -nE "^#include [\"<]($2)" $files /dev/null) || status=$?
	# 1 is "no match"; anything above is grep's own failure, which must not pass for success.
	[ "$status" -le 1 ] || exit "$status"
	if [ -n "$found" ]; then
		echo "$found" | sed "s|\$|   <- $3|" >&2
		bad=1
	fi
}

forbid lib '(policy|certs|webhook|agent|tests)/' 'lib includes nothing above it'
forbid policy '(certs|webhook|agent|tests)/' 'policy is below this'
forbid policy '(unistd|fcntl|time|sys/socket)\.h' 'policy does no I/O and has no clock'
forbid policy 'lib/(io|log|loop|cmd|tls)\.h' 'policy uses pure lib headers only'
forbid certs '(policy|webhook|agent|tests)/' 'certs is below this'
forbid webhook '(agent|tests)/' 'webhook and agent never include each other'
forbid agent '(webhook|tests)/' 'webhook and agent never include each other'
forbid agent/sandbox 'agent/(net|identity|proxy|ssh)/' 'only cmd_*.c bring these together'
forbid agent/net 'agent/(sandbox|identity|proxy|ssh)/' 'only cmd_*.c bring these together'
forbid agent/identity 'agent/(net|proxy|ssh)/' 'identity uses sandbox/ to confine its helper, nothing else'
exit $bad
