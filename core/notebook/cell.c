/* SPDX-License-Identifier: Apache-2.0 */
#include "notebook/cell.h"

#include "base/mem.h"
#include "notebook/fold.h"
#include "notebook/output.h"

#include <string.h>

enum {
    HALF = FOLD_CELL_MAX / 2,
    SLACK = 1 << 20,     /* the tail is cut when it is this much too long, not at every byte */
    PIECE = 64 << 10,    /* of a stream, between two looks at the bounds */
    OUTPUT_COST = 256,   /* what an output weighs besides its content: bounds their number */
    COMPACT_FROM = 4096, /* empty places in the list before it is closed up */
};

struct displays {
    json_t *slots;         /* owned: id -> slot */
    struct output **first; /* owned array; NULL is a free slot */
    char **ids;            /* owned strings, by slot */
    size_t count;
    size_t *free; /* owned stack of free slots */
    size_t free_count;
};

struct displays *displays_new(void)
{
    struct displays *d = xnew(struct displays);
    d->slots = json_object();
    return d;
}

void displays_free(struct displays *d)
{
    if (!d)
        return;
    for (size_t i = 0; i < d->count; i++)
        free(d->ids[i]);
    json_decref(d->slots);
    free(d->ids);
    free(d->first);
    free(d->free);
    free(d);
}

static size_t new_slot(struct displays *d)
{
    if (d->free_count)
        return d->free[--d->free_count];
    if ((d->count & (d->count - 1)) == 0) { /* full at each power of two */
        size_t cap = d->count ? d->count * 2 : 1;
        d->first = xrealloc(d->first, cap * sizeof *d->first);
        d->ids = xrealloc(d->ids, cap * sizeof *d->ids);
        d->free = xrealloc(d->free, cap * sizeof *d->free);
    }
    return d->count++;
}

static void display_link(struct displays *d, struct output *o, const char *id)
{
    json_int_t at = json_int(d->slots, id, -1);
    if (at < 0) {
        at = (json_int_t)new_slot(d);
        d->first[at] = NULL;
        d->ids[at] = xstrdup(id);
        json_object_set_new(d->slots, id, json_integer(at));
    }
    o->display = (size_t)at + 1;
    o->next_same = d->first[at];
    if (o->next_same)
        o->next_same->prev_same = o;
    d->first[at] = o;
}

static void display_unlink(struct displays *d, struct output *o)
{
    if (!o->display)
        return;
    size_t at = o->display - 1;
    if (o->prev_same)
        o->prev_same->next_same = o->next_same;
    else
        d->first[at] = o->next_same;
    if (o->next_same)
        o->next_same->prev_same = o->prev_same;
    if (d->first[at])
        return;
    json_object_del(d->slots, d->ids[at]);
    free(d->ids[at]);
    d->ids[at] = NULL;
    d->free[d->free_count++] = at;
}

static void output_free(struct output *o, struct displays *d)
{
    display_unlink(d, o);
    if (o->stream)
        term_done(&o->term);
    json_decref(o->json);
    free(o);
}

struct cell *cell_new(const char *id)
{
    struct cell *c = xnew(struct cell);
    c->id = xstrdup(id);
    c->count = -1;
    return c;
}

void cell_clear(struct cell *c, struct displays *d)
{
    for (size_t i = 0; i < c->output_count; i++)
        if (c->outputs[i])
            output_free(c->outputs[i], d);
    free(c->outputs);
    c->outputs = NULL;
    c->output_count = c->output_cap = 0;
    c->in_tail = c->clear_next = false;
    c->head_bytes = c->tail_bytes = 0;
    c->dropped = 0;
}

void cell_touch(struct cell *c)
{
    free(c->text);
    c->text = NULL;
}

void cell_free(struct cell *c, struct displays *d)
{
    if (!c)
        return;
    cell_touch(c);
    cell_clear(c, d);
    json_decref(c->source);
    json_decref(c->origin);
    json_decref(c->reason);
    free(c->id);
    free(c);
}

static void account(struct cell *c, struct output *o, size_t bytes)
{
    size_t *sum = o->in_tail ? &c->tail_bytes : &c->head_bytes;
    *sum = *sum - o->bytes + bytes;
    o->bytes = bytes;
}

static void close_up(struct cell *c)
{
    size_t gap = c->tail_first - c->head_count;
    if (gap < COMPACT_FROM || gap < c->output_count / 2)
        return;
    memmove(c->outputs + c->head_count, c->outputs + c->tail_first,
            (c->output_count - c->tail_first) * sizeof *c->outputs);
    c->output_count -= gap;
    c->tail_first = c->head_count;
}

/* Keeps the bounds after an output was added or grew. */
static void trim(struct cell *c, struct displays *d)
{
    if (!c->in_tail && c->head_bytes > HALF) {
        c->in_tail = true;
        c->head_count = c->tail_first = c->output_count;
    }
    if (c->tail_bytes <= HALF + SLACK)
        return;
    while (c->tail_bytes > HALF && c->tail_first < c->output_count) {
        struct output *o = c->outputs[c->tail_first];
        size_t excess = c->tail_bytes - HALF;
        if (o->stream && o->bytes - OUTPUT_COST > excess) {
            size_t n = term_drop(&o->term, excess);
            c->dropped += n;
            json_decref(o->json);
            o->json = NULL;
            account(c, o, term_len(&o->term) + OUTPUT_COST);
            break;
        }
        c->dropped += o->bytes - OUTPUT_COST;
        c->tail_bytes -= o->bytes;
        output_free(o, d);
        c->outputs[c->tail_first++] = NULL;
    }
    close_up(c);
}

static struct output *add(struct cell *c, struct displays *d)
{
    if (c->clear_next)
        cell_clear(c, d);
    if (c->output_count == c->output_cap) {
        c->output_cap = c->output_cap ? c->output_cap * 2 : 4;
        c->outputs = xrealloc(c->outputs, c->output_cap * sizeof *c->outputs);
    }
    struct output *o = xnew(struct output);
    o->cell = c;
    o->in_tail = c->in_tail;
    c->outputs[c->output_count++] = o;
    return o;
}

/* The stream that the next piece belongs to: the last output, if it is that stream and is not the
 * end of the head while the tail has begun. */
static struct output *open_stream(struct cell *c, struct displays *d, const char *name)
{
    size_t from = c->in_tail ? c->tail_first : 0;
    struct output *last = c->output_count > from ? c->outputs[c->output_count - 1] : NULL;
    if (last && last->stream == name && !c->clear_next)
        return last;
    struct output *o = add(c, d);
    o->stream = name;
    term_init(&o->term);
    return o;
}

void cell_stream(struct cell *c, struct displays *d, const char *name, const char *text, size_t len)
{
    name = strcmp(name, "stderr") == 0 ? "stderr" : "stdout"; /* compared by address from here on */
    while (len) {
        size_t n = len < PIECE ? len : PIECE;
        while (n < len && ((unsigned char)text[n] & 0xc0) == 0x80)
            n++;
        struct output *o = open_stream(c, d, name);
        if (term_put(&o->term, text, n) < 0)
            c->dropped += n;
        json_decref(o->json);
        o->json = NULL;
        account(c, o, term_len(&o->term) + OUTPUT_COST);
        trim(c, d);
        text += n;
        len -= n;
    }
}

void cell_output(struct cell *c, struct displays *d, json_t *take_out, const char *display_id)
{
    struct output *o = add(c, d);
    o->json = take_out;
    if (display_id)
        display_link(d, o, display_id);
    size_t bytes = output_size(take_out) + OUTPUT_COST;
    /* One that does not fit into what the head has left opens the tail. */
    if (!c->in_tail && c->head_bytes + bytes > HALF) {
        c->in_tail = true;
        c->head_count = c->tail_first = c->output_count - 1;
        o->in_tail = true;
    }
    account(c, o, bytes);
    trim(c, d);
}

/* Never in place: a notebook that was given out shares the old object. */
static void replace(struct output *o, json_t *take_out)
{
    struct cell *c = o->cell;
    size_t bytes = output_size(take_out) + OUTPUT_COST;
    size_t *sum = o->in_tail ? &c->tail_bytes : &c->head_bytes, rest = *sum - o->bytes;
    if (rest + bytes > HALF + SLACK) {
        _cleanup_free_ char *text =
            xasprintf("[seer: %zu bytes left out here; the journal keeps them]", bytes);
        json_object_set_new(take_out, "data", json_pack("{s:s}", "text/plain", text));
        json_object_set_new(take_out, "metadata", json_object());
        bytes = output_size(take_out) + OUTPUT_COST;
    }
    *sum = rest + bytes;
    o->bytes = bytes;
    json_decref(o->json);
    o->json = take_out;
}

void displays_update(struct displays *d, const char *id, const json_t *data, const json_t *metadata)
{
    json_int_t at = json_int(d->slots, id, -1);
    if (at < 0)
        return;
    _cleanup_json_ json_t *checked = output_data(data);
    for (struct output *o = d->first[at]; o; o = o->next_same) {
        cell_touch(o->cell);
        json_t *made = json_copy(o->json);
        json_object_set(made, "data", checked);
        json_object_set_new(made, "metadata",
                            json_is_object(metadata) ? json_incref((json_t *)metadata)
                                                     : json_object());
        replace(o, made);
    }
}

static json_t *output_json(struct output *o)
{
    if (!o->json)
        o->json = output_stream(o->stream, term_json(&o->term));
    return o->json;
}

json_t *cell_outputs(const struct cell *c)
{
    json_t *list = json_array();
    size_t head = c->in_tail ? c->head_count : c->output_count;
    for (size_t i = 0; i < head; i++)
        json_array_append(list, output_json(c->outputs[i]));
    if (c->dropped) {
        _cleanup_free_ char *text =
            xasprintf("[seer: %llu bytes of output are left out here; the journal keeps them]\n",
                      (unsigned long long)c->dropped);
        json_array_append_new(list, output_stream("stderr", json_string(text)));
    }
    for (size_t i = c->in_tail ? c->tail_first : head; i < c->output_count; i++)
        json_array_append(list, output_json(c->outputs[i]));
    return list;
}

const char *cell_status_name(enum cell_status s)
{
    static const char *const names[] = {
        [CELL_QUEUED] = "queued", [CELL_RUNNING] = "running", [CELL_OK] = "ok",
        [CELL_ERROR] = "error",   [CELL_ABORTED] = "aborted", [CELL_INTERRUPTED] = "interrupted",
        [CELL_DIED] = "died",
    };
    return (unsigned)s < ARRAY_SIZE(names) ? names[s] : "died";
}
