/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/term.h"
#include "cli/verbs.h"

#include "base/clock.h"

#include <string.h>

static const struct opt options[] = {
    {"all", 'a', NULL, "those that are gone, too"},
    {NULL},
};

static void format_age(json_int_t created_ns, char ret[16])
{
    json_int_t s = ((json_int_t)clock_wall_ns() - created_ns) / 1000000000;
    if (created_ns <= 0 || s < 0)
        snprintf(ret, 16, "-");
    else if (s < 120)
        snprintf(ret, 16, "%ds", (int)s);
    else if (s < 7200)
        snprintf(ret, 16, "%dm", (int)(s / 60));
    else if (s < 172800)
        snprintf(ret, 16, "%dh", (int)(s / 3600));
    else
        snprintf(ret, 16, "%lldd", (long long)(s / 86400));
}

static void format_size(json_int_t bytes, char ret[16])
{
    if (bytes <= 0)
        snprintf(ret, 16, "-");
    else if (bytes < 1 << 30)
        snprintf(ret, 16, "%.0fM", (double)bytes / (1 << 20));
    else
        snprintf(ret, 16, "%.1fG", (double)bytes / (1 << 30));
}

static void print_models(const json_t *models)
{
    size_t i;
    json_t *m;
    json_array_foreach (models, i, m) {
        printf("%s%.60s", i ? "," : "", json_string_value(m) ? json_string_value(m) : "?");
    }
}

static void print_sandbox(const json_t *s)
{
    char age[16], memory[16];
    format_age(json_int(s, "created_ns", 0), age);
    format_size(json_int(s, "memory", 0), memory);
    printf("%-14s%-18.17s%-10s%-12s%-8s%-6s", json_str(s, "sandbox", "?"), json_str(s, "name", ""),
           json_str(s, "state", "?"), json_str(s, "isolation", "-"), memory, age);
    print_models(json_object_get(s, "models"));
    if (json_str(s, "reason", NULL))
        printf(" (%s)", json_str(s, "reason", ""));
    printf("\n");
    size_t i;
    json_t *k;
    json_array_foreach (json_object_get(s, "sessions"), i, k) {
        printf("  session %s  %s  %lld cells  %s\n", json_str(k, "session", "?"),
               json_str(k, "state", "?"), (long long)json_int(k, "cells", 0),
               json_str(k, "notebook", ""));
    }
}

static int run(struct cli *c, const struct args *a, struct err *err)
{
    _cleanup_json_ json_t *result = NULL;
    json_t *params = json_object();
    if (args_get(a, "all"))
        json_object_set_new(params, "all", json_true());
    int r = cli_call(c, "sandbox.list", params, &result, err);
    if (r < 0)
        return r;
    const json_t *list = json_object_get(result, "sandboxes");
    if (c->json)
        cli_print_json(result);
    else if (json_array_size(list) == 0)
        printf("no sandbox is running\n");
    else {
        printf("%-14s%-18s%-10s%-12s%-8s%-6s%s\n", "SANDBOX", "NAME", "STATE", "ISOLATION",
               "MEMORY", "AGE", "MODELS");
        size_t i;
        json_t *s;
        json_array_foreach (list, i, s) {
            print_sandbox(s);
        }
    }
    return 0;
}

const struct verb verb_ps = {
    .name = "ps",
    .summary = "list sandboxes and their sessions",
    .options = options,
    .examples = "seer ps\nseer ps --all\nseer ps --json",
    .run = run,
};
