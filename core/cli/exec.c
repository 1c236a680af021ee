/* SPDX-License-Identifier: Apache-2.0
 *
 * seer exec: runs a command in a sandbox, and ends as it did.
 */
#include "cli/term.h"
#include "cli/verbs.h"

#include "base/fs.h"
#include "base/limits.h"

#include <string.h>

enum { STDIN_MAX = LIMIT_FRAME / 2, EXIT_TIMED_OUT = 124 };

static const struct opt options[] = {
    {"workdir", 'w', "DIR", "the folder inside to run it in (default: /workspace)"},
    {"env", 'e', "NAME=VALUE", "an environment variable of the command; repeatable"},
    {"timeout", 't', "SECONDS", "kill it after this long"},
    {"no-stdin", 'n', NULL, "give it no input"},
    {NULL},
};

struct exec {
    struct cli *cli;
    struct client *client;
    struct term out, err;
    struct buf kept[2]; /* with --json: what it wrote */
};

static void on_interrupt(struct cli *c, int count, void *ctx)
{
    struct exec *x = ctx;
    if (count > 1)
        cli_quit();
    client_cancel(x->client);
}

static void on_event(const char *event, const json_t *data, void *ctx)
{
    struct exec *x = ctx;
    _cleanup_free_ char *bytes = NULL;
    size_t len;
    if (strcmp(event, "out") != 0 ||
        json_unbase64(json_object_get(data, "data64"), &bytes, &len) < 0)
        return;
    bool is_err = strcmp(json_str(data, "stream", ""), "stderr") == 0;
    if (!x->cli->json)
        term_put(is_err ? &x->err : &x->out, bytes, len);
    else if (buf_append(&x->kept[is_err], bytes, len) < 0)
        cli_note(x->cli, "the output is larger than --json can hold; the rest is left out");
}

static int put_stdin(json_t *params, const struct args *a, struct err *err)
{
    if (isatty(STDIN_FILENO) || args_get(a, "no-stdin"))
        return 0;
    _cleanup_free_ char *data = NULL;
    size_t len;
    int r = fs_read_fd(STDIN_FILENO, STDIN_MAX, &data, &len);
    if (r == -EBADF)
        return 0; /* closed: no input */
    if (r == -EFBIG)
        return err_set(err, ERR_USER, "too_large", "the input is larger than %d MB",
                       STDIN_MAX >> 20);
    if (r < 0)
        return err_sys(err, -r, "cannot read standard input");
    json_object_set_new(params, "stdin64", json_base64(data, len));
    return 0;
}

static int make_params(const struct args *a, json_t *params, struct err *err)
{
    json_t *argv = json_array(), *env = json_object();
    const char *given, *sandbox = a->words[0], *cwd = args_get(a, "workdir");
    json_object_set_new(params, "sandbox", json_lossy(sandbox, strlen(sandbox)));
    json_object_set_new(params, "argv", argv);
    json_object_set_new(params, "env", env);
    for (int i = 1; i < a->word_count; i++) {
        json_t *word = json_string(a->words[i]);
        if (!word)
            return err_set(err, ERR_USER, "bad_utf8", "argument %d is not UTF-8 text", i);
        json_array_append_new(argv, word);
    }
    for (int at = 0; (given = args_next(a, "env", &at));) {
        size_t n = strcspn(given, "=");
        json_t *name = json_stringn(given, n);
        bool ok =
            n && given[n] && name &&
            json_object_set_new(env, json_string_value(name), json_string(given + n + 1)) == 0;
        json_decref(name);
        if (!ok)
            return err_set(err, ERR_USER, "usage", "--env needs NAME=VALUE, not '%.64s'", given);
    }
    if (cwd)
        json_object_set_new(params, "cwd", json_lossy(cwd, strlen(cwd)));
    double timeout;
    int r = args_number(a, "timeout", 0, &timeout, err);
    if (r == 0 && timeout > 0)
        json_object_set_new(params, "timeout", json_real(timeout));
    return r < 0 ? r : put_stdin(params, a, err);
}

static int conclude(struct exec *x, json_t *result, struct err *err)
{
    json_int_t dropped = json_int(result, "dropped", 0);
    if (x->cli->json) {
        for (int i = 0; i < 2; i++)
            json_object_set_new(result, i ? "stderr" : "stdout",
                                json_lossy(x->kept[i].data ? x->kept[i].data : "", x->kept[i].len));
        cli_print_json(result);
        x->cli->failed_in_json = true;
    }
    if (dropped)
        cli_note(x->cli, "%lld bytes of output were dropped", (long long)dropped);
    if (json_flag(result, "timed_out", false)) {
        cli_note(x->cli, "the command was killed: its time was over");
        return EXIT_TIMED_OUT;
    }
    const json_t *exit_code = json_object_get(result, "exit_code");
    if (json_is_integer(exit_code))
        return (int)(json_integer_value(exit_code) & 255);
    if (json_int(result, "signal", 0) > 0)
        return 128 + (int)(json_int(result, "signal", 0) & 127);
    return err_set(err, ERR_BUG, "internal", "seerd does not say how the command ended");
}

static int execute(struct exec *x, const struct args *a, struct err *err)
{
    _cleanup_json_ json_t *params = json_object(), *result = NULL;
    int r = make_params(a, params, err);
    if (r == 0)
        r = cli_client(x->cli, &x->client, err);
    if (r < 0)
        return r;
    cli_on_signal(x->cli, on_interrupt, x);
    r = client_call(x->client, "sandbox.exec", TAKE_PTR(params), on_event, x, &result, err);
    bool interrupted = x->cli->signal_count > 0;
    cli_on_signal(x->cli, NULL, NULL);
    if (r < 0 && interrupted)
        return 130;
    if (r == -ECONNRESET)
        err_hint(err, "seerd went away, and the command with it; run it again");
    return r < 0 ? r : conclude(x, result, err);
}

static int run(struct cli *c, const struct args *a, struct err *err)
{
    struct exec x = {.cli = c, .kept = {BUF_INIT(LIMIT_FRAME), BUF_INIT(LIMIT_FRAME)}};
    term_init(&x.out, STDOUT_FILENO);
    term_init(&x.err, STDERR_FILENO);
    int r = execute(&x, a, err);
    buf_done(&x.kept[0]);
    buf_done(&x.kept[1]);
    return r;
}

const struct verb verb_exec = {
    .name = "exec",
    .summary = "run a command in a sandbox",
    .args = "SANDBOX -- COMMAND...",
    .min = 2,
    .max = -1,
    .stop = 1,
    .options = options,
    .more =
        "Options stand before SANDBOX. Input that is not a terminal is passed on whole. Ends with\n"
        "the command's exit status, 128+N when signal N ended it, 124 when its time was over.\n"
        "Ctrl-C kills it.",
    .examples = "seer exec k3v9 -- ls -l /models\n"
                "seer exec k3v9 -- python -c 'import torch; print(torch.__version__)'\n"
                "seer exec k3v9 -- sh -c 'cat > /workspace/data.csv' < data.csv\n"
                "seer exec -t 60 k3v9 -- make test",
    .run = run,
};
