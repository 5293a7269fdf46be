#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# For a webhook that gets its certificate from files (docs/install.md): makes an authority and a certificate, puts
# the certificate into the Secret that the pods mount, and tells the API server whom to trust. Run it again to
# renew both: the pods notice within a minute or two, and until they do, admission in opted-in namespaces fails.
# The authority's key is not kept.
set -eu

namespace=openshell-system
days=365
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
umask 077

new="-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes"
# shellcheck disable=SC2086 # a list of options
{
	openssl req -x509 $new -keyout ca.key -out ca.crt -days $days -subj "/CN=openshell-webhook CA" \
		-addext keyUsage=critical,keyCertSign
	openssl req $new -keyout tls.key -out tls.csr -subj /CN=openshell-webhook
	echo "subjectAltName=DNS:openshell-webhook.$namespace.svc" >tls.ext
	openssl x509 -req -in tls.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days $days -extfile tls.ext -out tls.crt
} 2>openssl.log || {
	cat openssl.log >&2
	exit 1
}

kubectl -n $namespace create secret tls openshell-webhook-tls --cert=tls.crt --key=tls.key \
	--dry-run=client -o yaml | kubectl apply -f -

# Of each webhook in the configuration.
trust() {
	count=$(kubectl get "$1" openshell-webhook -o 'jsonpath={.webhooks[*].name}' | wc -w)
	patch=""
	while [ "$count" -gt 0 ]; do
		count=$((count - 1))
		patch="$patch${patch:+, }{\"op\": \"add\", \"path\": \"/webhooks/$count/clientConfig/caBundle\",
			\"value\": \"$(base64 -w 0 ca.crt)\"}"
	done
	kubectl patch "$1" openshell-webhook --type=json -p "[$patch]"
}
trust mutatingwebhookconfiguration
trust validatingwebhookconfiguration
