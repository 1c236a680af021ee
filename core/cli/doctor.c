/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/term.h"
#include "cli/verbs.h"

#include <string.h>

static void print_check(const json_t *check)
{
    const char *mend = json_str(check, "mend", "");
    printf("%-5s %-22s %s\n", json_str(check, "state", "?"), json_str(check, "name", "?"),
           json_str(check, "found", ""));
    if (*mend)
        printf("%-28s -> %s\n", "", mend);
}

static int run(struct cli *c, const struct args *a, struct err *err)
{
    _cleanup_json_ json_t *result = NULL;
    int r = cli_call(c, "doctor", NULL, &result, err);
    if (r < 0)
        return r;
    size_t i;
    int failed = 0, warned = 0;
    json_t *check;
    json_array_foreach (json_object_get(result, "checks"), i, check) {
        failed += strcmp(json_str(check, "state", ""), "fail") == 0;
        warned += strcmp(json_str(check, "state", ""), "warn") == 0;
        if (!c->json)
            print_check(check);
    }
    if (c->json)
        cli_print_json(result);
    else
        printf("\n%zu checks, %d failed, %d with a warning\n", i, failed, warned);
    return failed ? 1 : 0;
}

const struct verb verb_doctor = {
    .name = "doctor",
    .summary = "what this machine can do, what it cannot, and how to mend it",
    .more = "The exit status is 1 when a check failed.",
    .examples = "seer doctor\nseer doctor --json",
    .run = run,
};
