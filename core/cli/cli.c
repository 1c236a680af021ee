/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/cli.h"

#include "base/fs.h"
#include "base/limits.h"
#include "base/mem.h"
#include "cli/term.h"

#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>

void cli_print_json(const json_t *j)
{
    size_t len;
    _cleanup_free_ char *text = json_text(j, &len);
    term_write(STDOUT_FILENO, text, len);
    term_write(STDOUT_FILENO, "\n", 1);
}

void cli_note(const struct cli *c, const char *fmt, ...)
{
    char line[2048];
    if (c->quiet)
        return;
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(line, sizeof line, fmt, ap);
    va_end(ap);
    term_clean(line);
    fprintf(stderr, "seer: %s\n", line);
}

/* ---- the connection ---- */

int cli_client(struct cli *c, struct client **ret, struct err *err)
{
    if (!c->client) {
        int r = client_open(&c->loop, &c->client, err);
        if (r < 0)
            return r;
        const char *theirs = json_str(client_hello(c->client), "version", "");
        if (strcmp(theirs, SEER_VERSION) != 0)
            cli_note(
                c,
                "the running seerd is version %.32s and this is %s; `seer daemon --stop` makes "
                "way for the new one, sandboxes go on",
                theirs, SEER_VERSION);
    }
    *ret = c->client;
    return 0;
}

int cli_call(struct cli *c, const char *method, json_t *take_params, json_t **ret, struct err *err)
{
    struct client *client;
    int r = cli_client(c, &client, err);
    if (r < 0) {
        json_decref(take_params);
        return r;
    }
    return client_call(client, method, take_params, NULL, NULL, ret, err);
}

/* ---- signals ---- */

static void on_signal(uv_signal_t *h, int signum)
{
    struct cli *c = h->data;
    if (c->on_signal)
        c->on_signal(c, ++c->signal_count, c->signal_ctx);
}

void cli_on_signal(struct cli *c, void (*fn)(struct cli *c, int count, void *ctx), void *ctx)
{
    static const int which[ARRAY_SIZE(c->signals)] = {SIGINT, SIGTERM};
    c->on_signal = fn;
    c->signal_ctx = ctx;
    c->signal_count = 0;
    for (size_t i = 0; i < ARRAY_SIZE(which); i++) {
        if (!fn)
            uv_signal_stop(&c->signals[i]);
        else
            uv_signal_start(&c->signals[i], on_signal, which[i]);
    }
}

void cli_quit(void)
{
    fflush(NULL);
    _exit(130);
}

static void cli_init(struct cli *c)
{
    uv_loop_init(&c->loop);
    for (size_t i = 0; i < ARRAY_SIZE(c->signals); i++) {
        uv_signal_init(&c->loop, &c->signals[i]);
        uv_unref((uv_handle_t *)&c->signals[i]);
        c->signals[i].data = c;
    }
}

static void cli_done(struct cli *c)
{
    client_close(c->client);
    for (size_t i = 0; i < ARRAY_SIZE(c->signals); i++)
        uv_close((uv_handle_t *)&c->signals[i], NULL);
    uv_run(&c->loop, UV_RUN_DEFAULT);
    uv_loop_close(&c->loop);
}

/* ---- the user's files ---- */

static int read_bytes(const char *path, size_t max, char **ret, size_t *ret_len, struct err *err)
{
    bool is_stdin = strcmp(path, "-") == 0;
    int r = is_stdin ? fs_read_fd(STDIN_FILENO, max, ret, ret_len)
                     : fs_read_file(AT_FDCWD, path, max, ret, ret_len);
    if (r == -ENOENT || r == -ENOTDIR) {
        err_set(err, ERR_USER, "no_such_file", "there is no file %s", path);
        err_hint(err, "the path is taken from the folder you are in");
    } else if (r == -EFBIG) {
        err_set(err, ERR_USER, "too_large", "%s is larger than %zu MB", path, max >> 20);
        err_hint(err, "load large data inside the sandbox instead");
    } else if (r < 0)
        err_sys(err, -r, "cannot read %s", is_stdin ? "standard input" : path);
    return r;
}

int cli_read_text(const char *path, size_t max, json_t **ret, struct err *err)
{
    _cleanup_free_ char *data = NULL;
    size_t len;
    int r = read_bytes(path, max, &data, &len, err);
    if (r < 0)
        return r;
    json_t *text = json_stringn(data, len);
    if (!text) {
        err_set(err, ERR_USER, "bad_utf8", "%s is not UTF-8 text",
                strcmp(path, "-") == 0 ? "standard input" : path);
        err_hint(err, "save it as UTF-8, with `iconv -t UTF-8` for instance");
        return -EILSEQ;
    }
    *ret = text;
    return 0;
}

/* ---- from the arguments to the exit code ---- */

static int report(const struct cli *c, struct err *err)
{
    if (c->json && !c->failed_in_json) {
        _cleanup_json_ json_t *j = json_pack("{s:o}", "error", json_from_err(err));
        cli_print_json(j);
    }
    bool is_usage = strcmp(err->code, "usage") == 0;
    term_clean_lines(err->msg);
    term_clean_lines(err->hint);
    fprintf(stderr, "seer: %s\n", err->msg);
    if (err->hint[0])
        fprintf(stderr, "      %s\n", err->hint);
    return is_usage ? 2 : 1;
}

static int run_verb(struct cli *c, const struct verb *v, int argc, char **argv, struct err *err)
{
    _cleanup_(args_done) struct args a = {0};
    int r = args_parse(v, argc, argv, &a, err);
    if (r < 0)
        return r;
    c->json = args_get(&a, "json");
    c->quiet = args_get(&a, "quiet");
    if (args_get(&a, "help")) {
        cli_help(v);
        return 0;
    }
    return v->run(c, &a, err);
}

static int no_verb(int argc, char **argv, struct err *err)
{
    const char *word = argc ? argv[0] : NULL;
    if (!word || strcmp(word, "-h") == 0 || strcmp(word, "--help") == 0) {
        cli_help_all();
        return word ? 0 : 2;
    }
    err_set(err, ERR_USER, "usage", "seer has no command '%.64s'", word);
    err_hint(err, "`seer help` lists them");
    return -EINVAL;
}

int cli_run(int argc, char **argv)
{
    struct cli c = {0};
    struct err err = ERR_INIT;
    signal(SIGPIPE, SIG_IGN);
    argc--;
    argv++;
    for (int i = 0; i < argc && strcmp(argv[i], "--") != 0; i++)
        if (strcmp(argv[i], "--json") == 0) /* a usage error wants to know it, too */
            c.json = true;
    if (argc > 1 && strcmp(argv[0], "--json") == 0) { /* `seer --json ps` is `seer ps --json` */
        char *json = argv[0];
        argv[0] = argv[1];
        argv[1] = json;
    }
    if (argc && (strcmp(argv[0], "--version") == 0 || strcmp(argv[0], "-V") == 0))
        argv[0] = (char *)"version";
    const struct verb *v = argc ? verb_find(argv[0]) : NULL;
    cli_init(&c);
    int r = v ? run_verb(&c, v, argc - 1, argv + 1, &err) : no_verb(argc, argv, &err);
    if (r >= 0 && (fflush(stdout) != 0 || ferror(stdout)))
        r = err_sys(&err, errno, "cannot write the answer");
    if (r < 0)
        r = report(&c, &err);
    cli_done(&c);
    return r;
}
