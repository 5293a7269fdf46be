/* SPDX-License-Identifier: Apache-2.0 */
/* seccomp_load: installs a built filter on the calling thread, for good. */
#ifndef AGENT_SANDBOX_SECCOMP_LOAD_H
#define AGENT_SANDBOX_SECCOMP_LOAD_H

#include "agent/sandbox/seccomp_build.h"

/* 0 or an errno value. One raw system call, so it may run between fork and exec. no_new_privs must
 * be set already (else EACCES); EINVAL means a kernel without CONFIG_SECCOMP_FILTER. It goes last:
 * the filter itself lets no further one be installed. */
int seccomp_load(const struct seccomp_program *program);

#endif
