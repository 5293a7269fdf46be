/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEBHOOK_CMD_AUDIT_H
#define WEBHOOK_CMD_AUDIT_H

int cmd_audit(int argc, char **argv);

#endif
