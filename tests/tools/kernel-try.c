/* SPDX-License-Identifier: Apache-2.0
 *
 * kernel-try: drives one kernel as the shim does, for tests/integration/test_kernel.py.
 *
 *   kernel-try FOLDER PREFIX KEY JOURNAL NOTEBOOK
 *
 * Reads one JSON object a line from standard input and writes each record, as a line of JSON, to
 * standard output; {"t":"try","event":"ready"} comes first.
 *   {"cell": ID, "code": TEXT, "stdin"?: bool}   runs a cell
 *   {"input": TEXT|null}  {"interrupt": PID}  {"died": REASON}
 * The end of the input saves the notebook and ends the program.
 */
#include "base/buf.h"
#include "base/limits.h"
#include "journal/journal.h"
#include "kernel/kernel.h"
#include "notebook/file.h"
#include "notebook/fold.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

struct
try {
    uv_loop_t loop;
    uv_pipe_t in;
    struct kernel *kernel;
    struct journal *journal;
    struct fold *fold;
    struct notebook_file *file;
    struct buf line;
};

static void die(const struct err *err)
{
    fprintf(stderr, "kernel-try: %s\n", err->msg);
    exit(1);
}

static void say(const json_t *j)
{
    char *text = json_text(j, NULL);
    puts(text);
    fflush(stdout);
    free(text);
}

static void on_ready(struct kernel *k, const json_t *info, void *ctx)
{
    json_t *j = json_pack("{s:s, s:s}", "t", "try", "event", "ready");
    say(j);
    json_decref(j);
}

static void on_record(struct kernel *k, json_t *take_rec, void *ctx)
{
    struct try *t = ctx;
    struct err err = ERR_INIT;
    uint64_t seq, time_ns;
    bool end = strcmp(json_str(take_rec, "t", ""), "end") == 0;
    if (journal_append(t->journal, take_rec, &seq, &time_ns, &err) < 0 ||
        (end && journal_sync(t->journal, &err) < 0))
        die(&err);
    fold_apply(t->fold, seq, time_ns, take_rec);
    say(take_rec);
    json_decref(take_rec);
}

static void on_input(struct kernel *k, const char *prompt, bool password, void *ctx)
{
    json_t *j = json_pack("{s:s, s:s, s:s}", "t", "try", "event", "input", "prompt", prompt);
    say(j);
    json_decref(j);
}

static const struct kernel_ops ops = {.ready = on_ready, .record = on_record, .input = on_input};

static void command(struct try *t, const json_t *j)
{
    struct err err = ERR_INIT;
    int r = 0;
    const char *cell = json_str(j, "cell", NULL), *code = json_str(j, "code", "");
    const char *reason = json_str(j, "died", NULL);
    json_int_t pid = json_int(j, "interrupt", 0);
    if (cell) {
        on_record(t->kernel,
                  json_pack("{s:s, s:s, s:s, s:s, s:s}", "t", "cell", "cell", cell, "kind", "code",
                            "source", code, "origin", "cli"),
                  t);
        r = kernel_execute(t->kernel, cell, code, strlen(code), false, json_flag(j, "stdin", false),
                           &err);
    } else if (pid > 0) {
        kernel_note_interrupt(t->kernel);
        kill((pid_t)pid, SIGINT);
    } else if (reason) {
        kernel_died(t->kernel, reason);
    } else if (json_object_get(j, "input")) {
        r = kernel_input(t->kernel, json_str(j, "input", NULL), &err);
    }
    if (r < 0)
        die(&err);
}

static void on_alloc(uv_handle_t *h, size_t suggested, uv_buf_t *buf)
{
    *buf = uv_buf_init(malloc(65536), 65536);
}

static void finish(struct try *t)
{
    struct err err = ERR_INIT;
    if (notebook_file_save(t->file, t->fold, &err) < 0)
        die(&err);
    kernel_close(t->kernel);
    uv_close((uv_handle_t *)&t->in, NULL);
}

static void on_read(uv_stream_t *s, ssize_t n, const uv_buf_t *buf)
{
    struct try *t = s->data;
    if (n > 0 && buf_append(&t->line, buf->base, (size_t)n) < 0)
        exit(1);
    free(buf->base);
    char *nl;
    while (t->line.len && (nl = memchr(t->line.data, '\n', t->line.len))) {
        size_t len = (size_t)(nl - t->line.data);
        struct err err = ERR_INIT;
        json_t *j = json_parse_object(t->line.data, len, &err);
        if (!j)
            die(&err);
        command(t, j);
        json_decref(j);
        buf_consume(&t->line, len + 1);
    }
    if (n < 0)
        finish(t);
}

int main(int argc, char **argv)
{
    if (argc != 6)
        return 2;
    struct try t = {.fold = fold_new(), .line = BUF_INIT(LIMIT_CELL_SOURCE)};
    struct err err = ERR_INIT;
    uint64_t cut;
    int folder = open(argv[1], O_PATH | O_DIRECTORY | O_CLOEXEC);
    uv_loop_init(&t.loop);
    if (journal_open(argv[4], &t.journal, &cut, &err) < 0 ||
        notebook_file_open(argv[5], &t.file, &err) < 0 ||
        kernel_connect(&t.loop, folder, argv[2], argv[3], &ops, &t, &t.kernel, &err) < 0)
        die(&err);
    uv_pipe_init(&t.loop, &t.in, 0);
    t.in.data = &t;
    uv_pipe_open(&t.in, 0);
    uv_read_start((uv_stream_t *)&t.in, on_alloc, on_read);
    uv_run(&t.loop, UV_RUN_DEFAULT);
    uv_loop_close(&t.loop);
    notebook_file_close(t.file);
    journal_close(t.journal);
    fold_free(t.fold);
    buf_done(&t.line);
    close(folder);
    return 0;
}
