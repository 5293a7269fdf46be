/* SPDX-License-Identifier: Apache-2.0 */
/* `openshell-webhook serve`: the admission server, until SIGTERM. */
#ifndef WEBHOOK_CMD_SERVE_H
#define WEBHOOK_CMD_SERVE_H

int cmd_serve(int argc, char **argv);

#endif
