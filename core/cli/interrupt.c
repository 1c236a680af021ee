/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/verbs.h"

#include <string.h>

static int run(struct cli *c, const struct args *a, struct err *err)
{
    _cleanup_json_ json_t *result = NULL;
    json_t *params = json_object();
    json_object_set_new(params, "session", json_lossy(a->words[0], strlen(a->words[0])));
    int r = cli_call(c, "session.interrupt", params, &result, err);
    if (r < 0)
        return r;
    if (c->json)
        cli_print_json(result);
    else if (json_flag(result, "was_busy", false))
        printf("interrupted cell %s\n", json_str(result, "cell", "?"));
    else
        printf("nothing was running\n");
    return 0;
}

const struct verb verb_interrupt = {
    .name = "interrupt",
    .summary = "stop what runs in a session, as Ctrl-C does",
    .args = "SESSION",
    .min = 1,
    .max = 1,
    .more = "Cells that wait behind it are dropped. Variables stay.",
    .examples = "seer interrupt 3f2a",
    .run = run,
};
