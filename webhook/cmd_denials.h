/* SPDX-License-Identifier: Apache-2.0 */
/* `openshell-webhook denials`: prints docs/denials.md. */
#ifndef WEBHOOK_CMD_DENIALS_H
#define WEBHOOK_CMD_DENIALS_H

int cmd_denials(int argc, char **argv);

#endif
