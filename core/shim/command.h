/* SPDX-License-Identifier: Apache-2.0
 *
 * command: what a process in the sandbox is started with, out of a request's parameters. Pure but
 * for command_stdin.
 */
#ifndef SEER_SHIM_COMMAND_H
#define SEER_SHIM_COMMAND_H

#include "proto/json.h"

struct command {
    char **argv, **env; /* owned, NULL-terminated */
    char *cwd;          /* owned */
};

/* params: argv, env?, cwd?. base: the sandbox's environment, which env adds to (a null unsets). */
_must_check_ int command_parse(const json_t *params, char *const *base, struct command *ret,
                               struct err *err);
void command_done(struct command *c);
/* A descriptor to read the base64 text from; /dev/null for NULL. */
_must_check_ int command_stdin(const json_t *data64, struct err *err);

#endif
