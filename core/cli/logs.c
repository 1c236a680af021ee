/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/term.h"
#include "cli/verbs.h"

#include "base/clock.h"

#include <string.h>

static const struct opt options[] = {
    {"follow", 'f', NULL, "go on as lines come, until Ctrl-C"},
    {NULL},
};

struct logs {
    struct cli *cli;
    struct client *client;
    struct term out;
};

static void on_interrupt(struct cli *c, int count, void *ctx)
{
    struct logs *l = ctx;
    if (count > 1)
        cli_quit();
    client_cancel(l->client);
}

static void on_event(const char *event, const json_t *data, void *ctx)
{
    struct logs *l = ctx;
    if (strcmp(event, "line") != 0)
        return;
    if (l->cli->json) {
        cli_print_json(data);
        return;
    }
    char when[32];
    clock_iso((uint64_t)json_int(data, "time_ns", 0), when);
    const json_t *text = json_object_get(data, "text");
    printf("%.19sZ %-7s ", when, json_str(data, "source", ""));
    term_put(&l->out, json_string_value(text) ? json_string_value(text) : "",
             json_string_length(text));
    term_put(&l->out, "\033[m\n", l->out.mode == TERM_RAW ? 0 : 4);
    if (l->out.mode == TERM_RAW)
        term_put(&l->out, "\n", 1);
}

static int run(struct cli *c, const struct args *a, struct err *err)
{
    _cleanup_json_ json_t *result = NULL;
    struct logs l = {.cli = c};
    term_init(&l.out, STDOUT_FILENO);
    int r = cli_client(c, &l.client, err);
    if (r < 0)
        return r;
    json_t *params = json_object();
    json_object_set_new(params, "sandbox", json_lossy(a->words[0], strlen(a->words[0])));
    if (args_get(a, "follow"))
        json_object_set_new(params, "follow", json_true());
    cli_on_signal(c, on_interrupt, &l);
    r = client_call(l.client, "sandbox.logs", params, on_event, &l, &result, err);
    bool stopped = c->signal_count > 0;
    cli_on_signal(c, NULL, NULL);
    return stopped ? 0 : r;
}

const struct verb verb_logs = {
    .name = "logs",
    .summary = "what a sandbox's own processes said",
    .args = "SANDBOX",
    .min = 1,
    .max = 1,
    .options = options,
    .more = "With --json, one object per line: {time_ns, source, text}.",
    .examples = "seer logs k3v9\nseer logs -f k3v9",
    .run = run,
};
