/* SPDX-License-Identifier: Apache-2.0 */
/* names: what a rendered pod calls things. The agent and the chart use the same. */
#ifndef WEBHOOK_NAMES_H
#define WEBHOOK_NAMES_H

/* Containers and volumes of pods may not begin with it. */
#define NAME_RESERVED_PREFIX "openshell-"

#define NAME_INSTALL_CONTAINER "openshell-supervisor-install"
/* Of topology sidecar: the first closes the pod's network and ends, the second is the proxy. */
#define NAME_FENCE_CONTAINER "openshell-network-init"
#define NAME_PROXY_CONTAINER "openshell-supervisor-network"
#define NAME_BIN_VOLUME "openshell-supervisor-bin"
#define NAME_POLICY_VOLUME "openshell-policy"
#define NAME_RUN_VOLUME "openshell-run"
#define NAME_TLS_VOLUME "openshell-supervisor-tls"
#define NAME_STATE_VOLUME "openshell-proxy-state"
#define NAME_ROOTS_VOLUME "openshell-upstream-ca"
#define NAME_ROOTS_KEY "ca.crt"
#define NAME_AUTH_VOLUME "openshell-upstream-proxy-auth"
#define NAME_AUTH_KEY "credentials"
#define NAME_DEFAULT_POLICY "openshell-default-policy"
#define NAME_POLICY_KEY "policy.yaml"

/* Where the agent is for people, and where it is started from: the same volume, mounted once more. Runtimes
 * mount by the number of a path's parts and follow the image's links, so what is mounted on a path of fewer parts
 * cannot come to lie over it; the pod's own mounts have fewer (DENIAL_MOUNT_PATH). */
#define PATH_BIN "/opt/openshell"
#define PATH_START_ROOT "/openshell-start"
#define PATH_START PATH_START_ROOT "/1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16/17/18/19"
#define PATH_AGENT PATH_START "/openshell-agent"
#define PATH_AGENT_IN_IMAGE "/openshell-agent"
#define PATH_POLICY "/etc/openshell/policy"
#define PATH_POLICY_FILE PATH_POLICY "/" NAME_POLICY_KEY
#define PATH_ROOTS "/etc/openshell/upstream-ca"
#define PATH_ROOTS_FILE PATH_ROOTS "/" NAME_ROOTS_KEY
#define PATH_AUTH "/etc/openshell/auth"
#define PATH_AUTH_FILE PATH_AUTH "/" NAME_AUTH_KEY
#define PATH_RUN "/run/openshell"
#define PATH_PROXY_STATE "/run/openshell-proxy"
#define PATH_TLS "/etc/openshell-tls"
#define PATH_TOKEN "/var/run/secrets/kubernetes.io/serviceaccount"

enum { PATH_START_PARTS = 20 };

/* How `fence-check` ends where it reached what it must not; 0 where it did not. */
enum { STATUS_NOT_CLOSED = 124 };

#define URL_PROXY "http://127.0.0.1:3128"
enum { PORT_HEALTH = 15090 };

enum { ID_DEFAULT_USER = 1000, ID_DEFAULT_PROXY = 1337, ID_PROXY_MIN = 1000 };

/* The largest id: 4294967295 means "unchanged" to the kernel. */
#define ID_MAX 4294967294U

#endif
