/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEBHOOK_CMD_CHECK_H
#define WEBHOOK_CMD_CHECK_H

int cmd_check(int argc, char **argv);

#endif
