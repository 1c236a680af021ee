/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/verbs.h"

#include <string.h>

static const struct opt options[] = {
    {"all", 'a', NULL, "every sandbox"},
    {NULL},
};

/* Appends the ids that were stopped to `all`. */
static int stop(struct cli *c, const char *sandbox, json_t *all, struct err *err)
{
    _cleanup_json_ json_t *result = NULL;
    json_t *params = json_object();
    if (sandbox)
        json_object_set_new(params, "sandbox", json_lossy(sandbox, strlen(sandbox)));
    else
        json_object_set_new(params, "all", json_true());
    int r = cli_call(c, "sandbox.stop", params, &result, err);
    if (r == 0)
        json_array_extend(all, json_object_get(result, "stopped"));
    return r;
}

static int run(struct cli *c, const struct args *a, struct err *err)
{
    bool every = args_get(a, "all");
    if (every == (a->word_count > 0)) {
        err_set(err, ERR_USER, "usage", "seer stop needs SANDBOX or --all%s",
                every ? ", not both" : "");
        err_hint(err, "`seer ps` lists the sandboxes");
        return -EINVAL;
    }
    _cleanup_json_ json_t *stopped = json_array();
    int r = every ? stop(c, NULL, stopped, err) : 0;
    for (int i = 0; i < a->word_count && r == 0; i++)
        r = stop(c, a->words[i], stopped, err);
    if (!c->json) {
        size_t i;
        json_t *id;
        json_array_foreach (stopped, i, id) {
            printf("%s\n", json_string_value(id) ? json_string_value(id) : "?");
        }
    } else if (r == 0) {
        _cleanup_json_ json_t *out = json_pack("{s:O}", "stopped", stopped);
        cli_print_json(out);
    }
    return r;
}

const struct verb verb_stop = {
    .name = "stop",
    .summary = "end sandboxes; notebooks and journals stay",
    .args = "SANDBOX...|--all",
    .max = -1,
    .options = options,
    .more = "Prints the id of each, once nothing of it is left.",
    .examples = "seer stop k3v9\nseer stop --all",
    .run = run,
};
