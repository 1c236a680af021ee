/* SPDX-License-Identifier: Apache-2.0
 *
 * fold_internal: what fold.c (records in) and nbformat.c (notebook out) share.
 */
#ifndef SEER_NOTEBOOK_FOLD_INTERNAL_H
#define SEER_NOTEBOOK_FOLD_INTERNAL_H

#include "notebook/cell.h"

struct fold {
    struct cell **cells; /* owned, in order */
    size_t count, cap;
    size_t code_count;
    json_t *index; /* owned: cell id -> place in cells */
    struct displays *displays;
    struct cell
        *last;        /* borrowed: the cell of the last record, which the next is likely to be of */
    json_t *session;  /* owned; the first record, or NULL */
    json_t *models;   /* owned; the last models record, or NULL */
    json_t *language; /* owned; checked language_info, or NULL */
    json_t *notes;    /* owned array */
};

struct cell *fold_find(const struct fold *f, const char *id);

#endif
