/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEBHOOK_CMD_COMPANIONS_H
#define WEBHOOK_CMD_COMPANIONS_H

int cmd_companions(int argc, char **argv);

#endif
