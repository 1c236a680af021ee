/* SPDX-License-Identifier: Apache-2.0
 *
 * progress: the events of a long request as one moving line on a terminal, as a few lines elsewhere;
 * always on standard error.
 */
#ifndef SEER_CLI_PROGRESS_H
#define SEER_CLI_PROGRESS_H

#include "cli/cli.h"

struct progress {
    bool silent;
    int width;      /* of the terminal; 0: none */
    uint64_t since; /* of the stage that runs */
    char stage[48];
    bool line_open;
};

void progress_init(struct progress *p, const struct cli *c);
/* For client_call's on_event; ctx is the struct. */
void progress_event(const char *event, const json_t *data, void *ctx);
void progress_end(struct progress *p);

#endif
