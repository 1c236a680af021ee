/* SPDX-License-Identifier: Apache-2.0
 *
 * fold: journal records in, notebook out. Pure: no clock, no files. Applying the same records in the
 * same order gives the same notebook; a record it does not know changes nothing.
 *
 * Stream records of the same name that follow each other in a cell become one output; "\r" and "\b"
 * are folded as a terminal shows them; update records reach every output with their display_id, in
 * whatever cell; clear with wait takes effect at the next output. A cell's outputs are bounded by
 * FOLD_CELL_MAX bytes: the middle goes, with a line that says so (the journal keeps all).
 */
#ifndef SEER_NOTEBOOK_FOLD_H
#define SEER_NOTEBOOK_FOLD_H

#include "proto/json.h"

#include <stdint.h>

#define FOLD_CELL_MAX (16u << 20)

struct fold;

struct fold *fold_new(void);
void fold_free(struct fold *f);
/* rec borrowed. */
void fold_apply(struct fold *f, uint64_t seq, uint64_t time_ns, const json_t *rec);
/* The whole notebook, valid nbformat 4.5; a new reference. */
json_t *fold_notebook(const struct fold *f);
/* {cell, kind, source, status: queued|running|ok|error|aborted|interrupted|died, execution_count,
 *  outputs, origin, start_ns?, end_ns?, reason?}; a new reference, NULL when there is no such cell. */
json_t *fold_cell(const struct fold *f, const char *cell);
/* Ids of all cells in order; a new reference. */
json_t *fold_cells(const struct fold *f);
/* Number of code cells; the models record (or NULL, borrowed). */
size_t fold_count(const struct fold *f);
const json_t *fold_models(const struct fold *f);

/* Cuts outputs to about max bytes for a tool result: long text loses its middle, with a line in its
 * place; appends {output: index, bytes: cut} to truncated (may be NULL). Images do not count as text:
 * they are kept whole up to max or FOLD_IMAGES_MAX bytes of base64 in all, whichever is more, and
 * replaced by a line in text/plain beyond. outputs is borrowed; new reference. */
#define FOLD_IMAGES_MAX (2u << 20)
json_t *fold_shorten(const json_t *outputs, size_t max, json_t *truncated);

#endif
