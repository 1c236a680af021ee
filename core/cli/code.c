/* SPDX-License-Identifier: Apache-2.0
 *
 * seer code: runs one cell and shows its outputs as they come.
 */
#include "cli/term.h"
#include "cli/verbs.h"

#include "base/limits.h"

#include <string.h>

static const struct opt options[] = {
    {"code", 'c', "CODE", "the code itself, in place of a file"},
    {"timeout", 't', "SECONDS", "answer after this long; the cell goes on"},
    {"wait", 'w', "CELL", "no new code: follow a cell that runs already"},
    {NULL},
};

struct code {
    struct cli *cli;
    struct client *client;
    const char *session;
    struct term out, err;
    char cell[65];
};

static void on_interrupt(struct cli *c, int count, void *ctx)
{
    struct code *k = ctx;
    if (count > 1) {
        cli_note(c, "left the cell running; `seer code %s --wait %s` follows it", k->session,
                 k->cell);
        cli_quit();
    }
    struct peer *p = client_peer(k->client);
    json_t *params = json_object();
    json_object_set_new(params, "session", json_string(k->session));
    if (p)
        peer_call(p, "session.interrupt", params, NULL, NULL);
    else
        json_decref(params);
}

/* nbformat text: a string, or a list of strings. */
static void put_text(struct term *t, const json_t *text)
{
    if (json_is_string(text))
        term_put(t, json_string_value(text), json_string_length(text));
    size_t i;
    json_t *line;
    json_array_foreach (text, i, line) {
        if (json_is_string(line))
            term_put(t, json_string_value(line), json_string_length(line));
    }
}

static void put_lines(struct term *t, const json_t *text)
{
    if (!text)
        return;
    put_text(t, text);
    if (t->line_open)
        term_put(t, "\n", 1);
}

static void put_data(struct code *k, const json_t *data)
{
    const json_t *plain = json_object_get(data, "text/plain");
    put_lines(&k->out, plain);
    const char *type;
    json_t *v;
    json_object_foreach ((json_t *)data, type, v) {
        if (strncmp(type, "image/", 6) == 0)
            cli_note(k->cli, "a picture (%.64s) is in the notebook", type);
    }
}

static void put_output(struct code *k, const json_t *output)
{
    const char *type = json_str(output, "output_type", "");
    if (strcmp(type, "stream") == 0) {
        bool is_err = strcmp(json_str(output, "name", ""), "stderr") == 0;
        put_text(is_err ? &k->err : &k->out, json_object_get(output, "text"));
    } else if (strcmp(type, "error") == 0) {
        size_t i;
        json_t *line;
        const json_t *traceback = json_object_get(output, "traceback");
        json_array_foreach (traceback, i, line) {
            put_lines(&k->err, line);
        }
        if (json_array_size(traceback) == 0)
            fprintf(stderr, "%s: %s\n", json_str(output, "ename", "?"),
                    json_str(output, "evalue", ""));
    } else
        put_data(k, json_object_get(output, "data"));
}

static void put_record(struct code *k, const json_t *rec)
{
    const char *t = json_str(rec, "t", ""), *cell = json_str(rec, "cell", NULL);
    if (cell && k->cell[0] && strcmp(cell, k->cell) != 0)
        return;
    if (strcmp(t, "output") == 0)
        put_output(k, json_object_get(rec, "output"));
    else if (strcmp(t, "update") == 0)
        put_data(k, json_object_get(rec, "data"));
    else if (strcmp(t, "dropped") == 0)
        cli_note(k->cli, "%lld bytes of output were dropped: %s",
                 (long long)json_int(rec, "bytes", 0), json_str(rec, "reason", ""));
    else if (strcmp(t, "note") == 0)
        cli_note(k->cli, "note: %s", json_str(rec, "text", ""));
}

static void on_event(const char *event, const json_t *data, void *ctx)
{
    struct code *k = ctx;
    if (strcmp(event, "cell") == 0)
        snprintf(k->cell, sizeof k->cell, "%s", json_str(data, "cell", ""));
    else if (strcmp(event, "record") == 0 && !k->cli->json)
        put_record(k, json_object_get(data, "rec"));
}

/* The cell is over, or the time is. */
static int conclude(struct code *k, const json_t *result, struct err *err)
{
    const char *status = json_str(result, "status", ""), *reason = json_str(result, "reason", "");
    if (k->cli->json) {
        cli_print_json(result);
        k->cli->failed_in_json = true;
    } else if (k->out.line_open && isatty(STDOUT_FILENO))
        term_put(&k->out, "\n", 1);
    if (strcmp(status, "ok") == 0)
        return 0;
    if (strcmp(status, "error") == 0) /* its traceback has been shown */
        return 1;
    if (strcmp(status, "died") == 0) {
        err_set(err, ERR_GUEST, "kernel_died", "the kernel died while the cell ran%s%s",
                *reason ? ": " : "", reason);
        err_hint(err, "its variables are gone; start a new session");
    } else if (strcmp(status, "timeout") == 0) {
        err_set(err, ERR_BUSY, "timeout", "the time is over and the cell still runs");
        err_hint(err, "`seer code %s --wait %s` follows it, `seer interrupt %s` stops it",
                 k->session, json_str(result, "cell", k->cell), k->session);
    } else
        err_set(err, ERR_GUEST, "cell_stopped", "the cell was %.32s%s%s", status,
                *reason ? ": " : "", reason);
    return -EIO;
}

static int read_code(const struct args *a, json_t **ret, struct err *err)
{
    const char *given = args_get(a, "code");
    if (given && a->word_count > 1)
        return err_set(err, ERR_USER, "usage", "give either a file or --code, not both");
    if (!given)
        return cli_read_text(a->word_count > 1 ? a->words[1] : "-", LIMIT_CELL_SOURCE, ret, err);
    *ret = json_string(given);
    return *ret ? 0 : err_set(err, ERR_USER, "bad_utf8", "the code is not UTF-8 text");
}

static int execute(struct code *k, const struct args *a, json_t **ret, struct err *err)
{
    _cleanup_json_ json_t *params = json_object();
    const char *wait = args_get(a, "wait");
    double timeout;
    int r = args_number(a, "timeout", 0, &timeout, err);
    if (r < 0)
        return r;
    if (timeout > 0)
        json_object_set_new(params, "timeout", json_real(timeout));
    json_object_set_new(params, "session", json_lossy(k->session, strlen(k->session)));
    if (wait) {
        snprintf(k->cell, sizeof k->cell, "%s", wait);
        json_object_set_new(params, "cell", json_lossy(wait, strlen(wait)));
    } else {
        json_t *code = NULL;
        r = read_code(a, &code, err);
        if (r < 0)
            return r;
        json_object_set_new(params, "code", code);
        json_object_set_new(params, "origin", json_string("cli"));
    }
    r = cli_client(k->cli, &k->client, err);
    if (r < 0)
        return r;
    cli_on_signal(k->cli, on_interrupt, k);
    r = wait ? client_follow(k->client, TAKE_PTR(params), on_event, k, ret, err)
             : client_execute(k->client, TAKE_PTR(params), on_event, k, ret, err);
    cli_on_signal(k->cli, NULL, NULL);
    return r;
}

static int run(struct cli *c, const struct args *a, struct err *err)
{
    struct code k = {.cli = c, .session = a->words[0]};
    _cleanup_json_ json_t *result = NULL;
    term_init(&k.out, STDOUT_FILENO);
    term_init(&k.err, STDERR_FILENO);
    if (k.err.mode == TERM_RAW)
        k.err.mode = TERM_PLAIN; /* ipykernel colours every traceback */
    int r = execute(&k, a, &result, err);
    return r < 0 ? r : conclude(&k, result, err);
}

const struct verb verb_code = {
    .name = "code",
    .summary = "run code in a session and show its output as it comes",
    .args = "SESSION [FILE|-]",
    .min = 1,
    .max = 2,
    .options = options,
    .more = "Ctrl-C interrupts the cell; a second one leaves it running. The exit status is 1 when "
            "the\n"
            "cell failed. SESSION may be cut short as long as it names one session.",
    .examples = "seer code 3f2a -c 'print(type(model))'\n"
                "seer code 3f2a experiment.py\n"
                "echo 'x = 1' | seer code 3f2a -\n"
                "seer code 3f2a long.py --timeout 60",
    .run = run,
};
