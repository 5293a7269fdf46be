/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEBHOOK_CMD_INJECT_H
#define WEBHOOK_CMD_INJECT_H

int cmd_inject(int argc, char **argv);

#endif
