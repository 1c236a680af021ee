/* SPDX-License-Identifier: Apache-2.0
 *
 * kernel: the state of one kernel and of the cell that runs in it. channels.c brings messages,
 * wire.c checks them, records.c makes records of them.
 *
 * Readiness without a timer: kernel_info_request is sent again on each reply until iopub was heard,
 * since a subscription that has not arrived yet loses what is published (jupyter_server calls it the
 * nudge). The same round trips find out, after iopub broke off in the middle of a cell, that its idle
 * was lost: the shell is served in order, so the idle of a later request means that the cell is over.
 */
#include "kernel/kernel.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/id.h"
#include "base/limits.h"
#include "base/mem.h"
#include "kernel/channels.h"
#include "kernel/records.h"

#include <string.h>

enum {
    STREAM_RECORD_MAX = 256 << 10, /* pieces are joined, and long ones cut, to this */
    PARENTS_MAX = 1024,            /* cells whose late outputs can still be placed */
    DYING_MS = 200,                /* for a dead kernel whose children hold its sockets open */
    CELL_MAX = 64,
};

struct run {
    char cell[CELL_MAX + 1]; /* "" when no cell runs */
    char *msg_id;            /* owned */
    json_t *reply;           /* owned; the execute_reply's content once it came */
    json_t *input_header;    /* owned; of the input_request that waits for an answer */
    char *probe;             /* owned; msg_id of the question whether a reply is still to come */
    bool idle, started, error_shown, interrupted, allow_stdin;
};

struct parents {
    json_t *cells; /* owned: msg_id -> cell */
    char *ring[PARENTS_MAX];
    size_t at;
};

struct pending_stream {
    char *cell; /* owned; NULL when nothing waits */
    bool is_err;
    struct buf text;
};

struct flaws { /* refused messages of this turn, told in one record */
    size_t count, bytes;
    char reason[256];
};

struct kernel {
    struct channels *channels; /* owned until closed */
    struct wire *wire;         /* owned */
    const struct kernel_ops *ops;
    void *ctx;
    char session[ID_LONG_LEN + 1];
    unsigned long long next_msg;
    json_t *info; /* owned; the kernel_info_reply */
    bool iopub_heard, ready, broke_off, resync, idle_after_loss, dead, closing;
    struct run run;
    char *last_cell; /* owned; gets outputs without a parent */
    struct parents parents;
    struct pending_stream stream;
    struct flaws flaws;
};

static void emit(struct kernel *k, json_t *take_rec)
{
    k->ops->record(k, take_rec, k->ctx);
}

/* --- sending --- */

static json_t *new_header(struct kernel *k, const char *type)
{
    char date[32];
    clock_iso(clock_wall_ns(), date);
    _cleanup_free_ char *id = xasprintf("%s_%llu", k->session, ++k->next_msg);
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}", "msg_id", id, "session", k->session,
                     "username", "seer", "date", date, "msg_type", type, "version", "5.3");
}

static int send_message(struct kernel *k, enum channel ch, const json_t *header,
                        const json_t *parent, const json_t *content)
{
    struct wire_out out;
    wire_encode(k->wire, header, parent, content, &out);
    int r = channels_send(k->channels, ch, out.parts, ARRAY_SIZE(out.parts));
    wire_out_done(&out);
    return r;
}

/* Its msg_id, malloc'ed. A failure needs no handling: the kernel takes nothing any more, and its
 * death will be told. */
static char *send_request(struct kernel *k, enum channel ch, const char *type, json_t *take_content)
{
    _cleanup_json_ json_t *header = new_header(k, type), *content = take_content;
    int ignored = send_message(k, ch, header, NULL, content);
    (void)ignored;
    return xstrdup(json_str(header, "msg_id", ""));
}

static void send_simple(struct kernel *k, enum channel ch, const char *type, json_t *take_content)
{
    free(send_request(k, ch, type, take_content));
}

static void nudge(struct kernel *k)
{
    send_simple(k, CHANNEL_SHELL, "kernel_info_request", json_object());
}

/* --- streams and flaws: joined within one turn --- */

/* One print() may be megabytes; a reader that has to parse such a record whole would stall. */
static size_t piece_len(const char *text, size_t left)
{
    size_t n = left < STREAM_RECORD_MAX ? left : STREAM_RECORD_MAX;
    while (n < left && n > 0 && ((unsigned char)text[n] & 0xc0) == 0x80)
        n--; /* never inside a character */
    return n;
}

static void flush_stream(struct kernel *k)
{
    struct pending_stream *s = &k->stream;
    if (!s->cell)
        return;
    _cleanup_free_ char *cell = TAKE_PTR(s->cell);
    /* emit() may come back here through its listener: the text is no longer ours to add to. */
    _cleanup_buf_ struct buf text = s->text;
    s->text = BUF_INIT(text.max);
    const char *name = s->is_err ? "stderr" : "stdout";
    for (size_t at = 0, n; at < text.len; at += n) {
        n = piece_len(text.data + at, text.len - at);
        emit(k, json_pack("{s:s, s:s, s:{s:s, s:s, s:o}}", "t", "output", "cell", cell, "output",
                          "output_type", "stream", "name", name, "text",
                          json_stringn_nocheck(text.data + at, n)));
    }
}

/* Takes a stream record; true when it has been put with those that wait. */
static bool join_stream(struct kernel *k, json_t *rec, const char *cell)
{
    struct pending_stream *s = &k->stream;
    const json_t *out = json_object_get(rec, "output"), *text = json_object_get(out, "text");
    if (strcmp(json_str(out, "output_type", ""), "stream") != 0)
        return false;
    bool is_err = strcmp(json_str(out, "name", ""), "stderr") == 0;
    size_t len = json_string_length(text);
    if (s->cell && (strcmp(s->cell, cell) != 0 || s->is_err != is_err ||
                    s->text.len + len > STREAM_RECORD_MAX))
        flush_stream(k);
    if (!s->cell)
        s->cell = xstrdup(cell);
    s->is_err = is_err;
    if (buf_append(&s->text, json_string_value(text), len) < 0) { /* out of memory */
        flush_stream(k);
        return false;
    }
    json_decref(rec);
    return true;
}

static void show(struct kernel *k, json_t *take_rec, const char *cell)
{
    if (join_stream(k, take_rec, cell))
        return;
    flush_stream(k);
    emit(k, take_rec);
}

static void note_flaw(struct kernel *k, size_t bytes, const char *reason)
{
    if (k->flaws.count++ == 0)
        snprintf(k->flaws.reason, sizeof k->flaws.reason, "%.255s", reason);
    k->flaws.bytes += bytes;
}

static void flush_flaws(struct kernel *k)
{
    if (k->flaws.count == 0)
        return;
    _cleanup_free_ char *more =
        k->flaws.count > 1 ? xasprintf(" (and %zu more refused messages)", k->flaws.count - 1)
                           : xstrdup("");
    _cleanup_free_ char *reason = xasprintf("%s%s", k->flaws.reason, more);
    size_t bytes = k->flaws.bytes;
    k->flaws = (struct flaws){0};
    flush_stream(k);
    emit(k, records_dropped(k->run.cell[0] ? k->run.cell : NULL, bytes, reason));
}

/* --- cells --- */

static void remember_parent(struct parents *p, const char *msg_id, const char *cell)
{
    char **place = &p->ring[p->at];
    p->at = (p->at + 1) % PARENTS_MAX;
    if (*place)
        json_object_del(p->cells, *place);
    free(*place);
    *place = xstrdup(msg_id);
    json_object_set_new(p->cells, msg_id, json_string(cell));
}

/* Where an output belongs: to the cell of its parent; one without a known parent (a child process, a
 * thread older than our memory) to the cell at hand. */
static const char *cell_of(const struct kernel *k, const struct wire_msg *m)
{
    const char *cell = json_str(k->parents.cells, m->parent_id, NULL);
    if (cell)
        return cell;
    return k->run.cell[0] ? k->run.cell : k->last_cell;
}

static void run_done(struct run *r)
{
    free(r->msg_id);
    json_decref(r->reply);
    json_decref(r->input_header);
    free(r->probe);
    *r = (struct run){0};
}

/* What a reply says that was not published: help pages, and an error that had no message. */
static void show_reply(struct kernel *k, const struct run *r)
{
    for (size_t i = 0; i < json_array_size(json_object_get(r->reply, "payload")); i++) {
        json_t *page = records_page(r->reply, i, r->cell);
        if (page)
            emit(k, page);
    }
    json_t *error = r->error_shown ? NULL : records_reply_error(r->reply, r->cell);
    if (error)
        emit(k, error);
}

/* Both ends: the reply and the idle race each other on two sockets. */
static void check_end(struct kernel *k)
{
    if (!k->run.cell[0] || !k->run.reply || !(k->run.idle || k->idle_after_loss))
        return;
    flush_flaws(k);
    flush_stream(k);
    struct run r = k->run;
    show_reply(k, &r);
    json_t *end = records_end(r.reply, r.cell, r.interrupted);
    k->run = (struct run){0}; /* before the record, whose receiver may send the next cell */
    run_done(&r);
    emit(k, end);
}

/* ipykernel answers an interrupted cell with an idle alone when the signal came after it had
 * announced the cell and before the cell's code ran. Shell requests are served in order, so an
 * answer to a later one means that no reply is to come. */
static void probe_reply(struct kernel *k)
{
    struct run *r = &k->run;
    if (r->cell[0] && r->interrupted && r->idle && !r->reply && !r->probe)
        r->probe = send_request(k, CHANNEL_SHELL, "kernel_info_request", json_object());
}

static void end_without_reply(struct kernel *k)
{
    flush_flaws(k);
    flush_stream(k);
    json_t *end = json_pack("{s:s, s:s, s:s, s:n, s:s}", "t", "end", "cell", k->run.cell, "status",
                            "interrupted", "count", "reason", "interrupted before its code ran");
    run_done(&k->run);
    emit(k, end);
}

/* --- messages --- */

static void maybe_ready(struct kernel *k)
{
    if (k->ready || !k->info || !k->iopub_heard || k->dead)
        return;
    k->ready = true;
    k->ops->ready(k, k->info, k->ctx);
}

static void on_status(struct kernel *k, const struct wire_msg *m)
{
    if (strcmp(json_str(m->content, "execution_state", ""), "idle") != 0)
        return;
    if (k->run.msg_id && strcmp(m->parent_id, k->run.msg_id) == 0)
        k->run.idle = true;
    else if (k->resync && strncmp(m->parent_id, k->session, ID_LONG_LEN) == 0 &&
             strcmp(json_str(m->parent, "msg_type", ""), "kernel_info_request") == 0)
        k->idle_after_loss = true;
    check_end(k);
    probe_reply(k);
}

static void on_iopub(struct kernel *k, const struct wire_msg *m, size_t bytes)
{
    k->iopub_heard = true;
    if (k->broke_off) { /* told only now: without a word from it the kernel would be dead */
        k->broke_off = false;
        note_flaw(k, 0, "the kernel's output channel broke off; what it sent meanwhile is lost");
    }
    maybe_ready(k);
    if (strcmp(m->type, "status") == 0) {
        on_status(k, m);
        return;
    }
    const char *cell = cell_of(k, m);
    json_t *rec = NULL;
    struct err err = ERR_INIT;
    int made = records_make(m->type, m->content, cell ? cell : "", &rec, &err);
    if (made < 0 || (made == 1 && !cell)) {
        note_flaw(k, bytes, made < 0 ? err.msg : "output that belongs to no cell");
        json_decref(rec);
        return;
    }
    if (made == 0)
        return;
    bool ours = k->run.cell[0] && strcmp(cell, k->run.cell) == 0;
    if (strcmp(m->type, "execute_input") == 0) {
        if (!ours || k->run.started) { /* said twice, or of a cell that has ended */
            json_decref(rec);
            return;
        }
        k->run.started = true;
    }
    if (ours && strcmp(m->type, "error") == 0)
        k->run.error_shown = true;
    /* The pointer lives in tables that a callback may change; a record carries its own copy. */
    _cleanup_free_ char *own = xstrdup(cell);
    show(k, rec, own);
}

static void on_info_reply(struct kernel *k, const struct wire_msg *m)
{
    if (strncmp(m->parent_id, k->session, ID_LONG_LEN) != 0)
        return;
    if (!k->info)
        k->info = json_incref(m->content);
    bool again = !k->iopub_heard || (k->resync && k->run.cell[0] && !k->idle_after_loss);
    if (again && !k->dead)
        nudge(k);
    maybe_ready(k);
    if (k->run.probe && strcmp(m->parent_id, k->run.probe) == 0 && !k->run.reply)
        end_without_reply(k);
}

static void on_shell(struct kernel *k, const struct wire_msg *m)
{
    if (strcmp(m->type, "kernel_info_reply") == 0) {
        on_info_reply(k, m);
    } else if (strcmp(m->type, "execute_reply") == 0 && k->run.msg_id && !k->run.reply &&
               strcmp(m->parent_id, k->run.msg_id) == 0) {
        k->run.reply = json_incref(m->content);
        check_end(k);
    }
}

static void on_stdin(struct kernel *k, const struct wire_msg *m)
{
    if (strcmp(m->type, "input_request") != 0 || !k->run.msg_id ||
        strcmp(m->parent_id, k->run.msg_id) != 0 || k->run.input_header)
        return;
    k->run.input_header = json_incref(m->header);
    flush_stream(k); /* what was printed before the question */
    if (k->run.allow_stdin && k->ops->input) {
        k->ops->input(k, json_str(m->content, "prompt", ""),
                      json_flag(m->content, "password", false), k->ctx);
        return;
    }
    int ignored = kernel_input(k, NULL, NULL);
    (void)ignored;
}

static void tell_gateway(struct kernel *k, enum channel ch, const struct wire_msg *m,
                         const struct wire_part *parts, size_t count)
{
    if (!k->ops->message)
        return;
    _cleanup_json_ json_t *msg =
        json_pack("{s:O, s:O, s:O, s:O}", "header", m->header, "parent_header", m->parent,
                  "metadata", m->metadata, "content", m->content);
    if (m->first_buffer < count) {
        json_t *buffers = json_array();
        for (size_t i = m->first_buffer; i < count; i++)
            json_array_append_new(buffers, json_base64(parts[i].data, parts[i].len));
        json_object_set_new(msg, "buffers64", buffers);
    }
    k->ops->message(k, channel_name(ch), msg, k->ctx);
}

static void on_message(enum channel ch, const struct wire_part *parts, size_t count, void *ctx)
{
    struct kernel *k = ctx;
    struct wire_msg m;
    struct err err = ERR_INIT;
    size_t bytes = 0;
    for (size_t i = 0; i < count; i++)
        bytes += parts[i].len;
    if (wire_decode(k->wire, parts, count, &m, &err) < 0) {
        note_flaw(k, bytes, err.msg);
        return;
    }
    tell_gateway(k, ch, &m, parts, count);
    if (!k->closing) {
        if (ch == CHANNEL_IOPUB)
            on_iopub(k, &m, bytes);
        else if (ch == CHANNEL_SHELL)
            on_shell(k, &m);
        else if (ch == CHANNEL_STDIN)
            on_stdin(k, &m);
    }
    wire_msg_done(&m);
}

static void on_turn(void *ctx)
{
    struct kernel *k = ctx;
    flush_stream(k);
    flush_flaws(k);
}

/* --- death --- */

void kernel_died(struct kernel *k, const char *reason)
{
    if (k->dead || k->closing)
        return;
    k->dead = true;
    channels_drain(k->channels, DYING_MS);
    flush_stream(k);
    flush_flaws(k);
    if (!k->run.cell[0] || k->closing)
        return;
    if (k->run.reply) { /* it had answered; only its idle died with it */
        k->run.idle = true;
        check_end(k);
        return;
    }
    json_t *end = records_died(k->run.cell, reason && *reason ? reason : "the kernel died");
    run_done(&k->run);
    emit(k, end);
}

static void on_lost(void *ctx)
{
    struct kernel *k = ctx;
    if (k->dead)
        return;
    k->iopub_heard = false;
    k->broke_off = true;
    k->resync = k->run.cell[0] != '\0';
    nudge(k);
}

/* --- life --- */

static void kernel_free(struct kernel *k)
{
    wire_free(k->wire);
    json_decref(k->info);
    run_done(&k->run);
    free(k->last_cell);
    json_decref(k->parents.cells);
    for (size_t i = 0; i < PARENTS_MAX; i++)
        free(k->parents.ring[i]);
    free(k->stream.cell);
    buf_done(&k->stream.text);
    free(k);
}

static void on_channels_closed(void *ctx)
{
    kernel_free(ctx);
}

static const struct channels_ops channels_ops = {
    .message = on_message, .turn = on_turn, .lost = on_lost, .closed = on_channels_closed};

int kernel_connect(uv_loop_t *loop, int folder_fd, const char *prefix, const char *key,
                   const struct kernel_ops *ops, void *ctx, struct kernel **ret, struct err *err)
{
    struct kernel *k = xnew(struct kernel);
    k->ops = ops;
    k->ctx = ctx;
    k->parents.cells = json_object();
    k->stream.text = BUF_INIT(LIMIT_KERNEL_MSG + (size_t)STREAM_RECORD_MAX);
    id_long(k->session);
    int r = wire_new(key, &k->wire, err);
    if (r == 0)
        r = channels_open(loop, folder_fd, prefix, &channels_ops, k, &k->channels, err);
    if (r < 0) {
        kernel_free(k);
        return r;
    }
    nudge(k);
    *ret = k;
    return 0;
}

int kernel_execute(struct kernel *k, const char *cell, const char *code, size_t len, bool silent,
                   bool allow_stdin, struct err *err)
{
    bool dead = k->dead || k->closing;
    if (k->run.cell[0] || !k->ready || dead) {
        const char *why = k->run.cell[0] ? "runs a cell"
                          : k->ready     ? "is dead"
                                         : "is not ready yet";
        err_set(err, ERR_BUSY, "kernel_busy", "the kernel %s", why);
        return -EBUSY;
    }
    if (len > LIMIT_CELL_SOURCE)
        return err_set(err, ERR_USER, "cell_too_large", "a cell's code may hold %u bytes",
                       LIMIT_CELL_SOURCE);
    if (!*cell || strlen(cell) > CELL_MAX)
        return err_set(err, ERR_BUG, "bad_cell", "%s is no cell id", cell);
    json_t *text = json_stringn(code, len);
    if (!text)
        return err_set(err, ERR_USER, "bad_utf8", "the code is not UTF-8");
    _cleanup_json_ json_t *content = json_pack(
        "{s:o, s:b, s:b, s:{}, s:b, s:b}", "code", text, "silent", silent, "store_history", !silent,
        "user_expressions", "allow_stdin", allow_stdin,
        /* The session queues, so the kernel has nothing to abort; with true, ipykernel aborts the
         * next cell too when it is quick. */
        "stop_on_error", false);
    _cleanup_json_ json_t *header = new_header(k, "execute_request");
    int r = send_message(k, CHANNEL_SHELL, header, NULL, content);
    if (r < 0)
        return err_sys(err, -r, "cannot send the cell to the kernel");
    run_done(&k->run);
    k->idle_after_loss = k->resync = false;
    snprintf(k->run.cell, sizeof k->run.cell, "%s", cell);
    k->run.msg_id = xstrdup(json_str(header, "msg_id", ""));
    k->run.allow_stdin = allow_stdin;
    remember_parent(&k->parents, k->run.msg_id, cell);
    free(k->last_cell);
    k->last_cell = xstrdup(cell);
    return 0;
}

int kernel_input(struct kernel *k, const char *value, struct err *err)
{
    if (!k->run.input_header)
        return err_set(err, ERR_USER, "no_input", "the kernel does not wait for input");
    _cleanup_json_ json_t *parent = TAKE_PTR(k->run.input_header);
    /* ipykernel turns Ctrl-D into EOFError. */
    json_t *text = value ? json_string(value) : json_string("\x04");
    if (!text) {
        k->run.input_header = json_incref(parent);
        return err_set(err, ERR_USER, "bad_utf8", "the input is not UTF-8");
    }
    _cleanup_json_ json_t *content = json_pack("{s:o}", "value", text);
    _cleanup_json_ json_t *header = new_header(k, "input_reply");
    int r = send_message(k, CHANNEL_STDIN, header, parent, content);
    return r < 0 ? err_sys(err, -r, "cannot send the input to the kernel") : 0;
}

const char *kernel_cell(const struct kernel *k)
{
    return k->run.cell[0] ? k->run.cell : NULL;
}

void kernel_note_interrupt(struct kernel *k)
{
    k->run.interrupted = true;
    probe_reply(k);
}

void kernel_shutdown(struct kernel *k)
{
    send_simple(k, CHANNEL_CONTROL, "shutdown_request", json_pack("{s:b}", "restart", false));
}

void kernel_close(struct kernel *k)
{
    if (!k || k->closing)
        return;
    k->closing = true;
    channels_close(k->channels);
}
