/* SPDX-License-Identifier: Apache-2.0
 *
 * cell: one cell of the notebook while it is being folded, and the bounded list of its outputs.
 *
 * The first half of FOLD_CELL_MAX is kept as it comes (the head). What follows goes into the tail,
 * which loses its oldest bytes when it grows past the other half; `dropped` counts them.
 */
#ifndef SEER_NOTEBOOK_CELL_H
#define SEER_NOTEBOOK_CELL_H

#include "notebook/term.h"

#include <stdint.h>

enum cell_status {
    CELL_QUEUED,
    CELL_RUNNING,
    CELL_OK,
    CELL_ERROR,
    CELL_ABORTED,
    CELL_INTERRUPTED,
    CELL_DIED,
};

struct displays;

struct output {
    const char *stream; /* "stdout" or "stderr", else NULL */
    struct term term;   /* of a stream */
    json_t *json; /* owned; the nbformat output (of a stream: made on demand, dropped on change) */
    size_t bytes;
    bool in_tail;
    size_t display;           /* slot + 1 in the table of displays, 0 without an id */
    struct output *next_same; /* the others with that id, a list */
    struct output *prev_same;
    struct cell *cell; /* borrowed */
};

struct cell {
    char *id;       /* owned */
    json_t *source; /* owned string */
    json_t *origin; /* owned string, or NULL */
    json_t *reason; /* owned string, or NULL */
    bool markdown;
    bool clear_next; /* clear_output(wait=True) */
    enum cell_status status;
    json_int_t count;          /* execution count, -1 without one */
    uint64_t start_ns, end_ns; /* 0 while unknown */
    struct output **outputs;   /* owned; NULL between head_count and tail_first */
    size_t output_count, output_cap;
    bool in_tail;
    size_t head_count, tail_first; /* meaningful in the tail */
    size_t head_bytes, tail_bytes;
    uint64_t dropped;
    char *text; /* owned; in the notebook's file (text.h), NULL since it last changed */
    size_t text_len;
    uint64_t hash; /* of the same */
};

struct cell *cell_new(const char *id);
void cell_free(struct cell *c, struct displays *d);
/* It is about to change: the text made of it is forgotten. */
void cell_touch(struct cell *c);
/* Next piece of a stream. */
void cell_stream(struct cell *c, struct displays *d, const char *name, const char *text,
                 size_t len);
/* Another output, already checked; takes it. display_id may be NULL. */
void cell_output(struct cell *c, struct displays *d, json_t *take_out, const char *display_id);
void cell_clear(struct cell *c, struct displays *d);
/* The outputs as nbformat has them; a new reference. */
json_t *cell_outputs(const struct cell *c);
const char *cell_status_name(enum cell_status s);

/* All outputs that have a display id, in whatever cell, by that id. */
struct displays *displays_new(void);
void displays_free(struct displays *d);
void displays_update(struct displays *d, const char *id, const json_t *data,
                     const json_t *metadata);

#endif
