/* SPDX-License-Identifier: Apache-2.0
 *
 * text: the notebook as the bytes of its file, as nbformat writes them (members sorted, one space
 * deep, a newline at the end), with a digest of itself in its metadata. The text of a cell that did
 * not change since the last call is not made again, so a save costs what changed and the copying.
 */
#ifndef SEER_NOTEBOOK_TEXT_H
#define SEER_NOTEBOOK_TEXT_H

#include "notebook/fold.h"

#include <stddef.h>
#include <stdint.h>

/* FNV-1a: an edit is to be seen, not an enemy. */
uint64_t text_hash(const char *data, size_t len);
/* malloc'ed; NULL when a value is outside JSON. */
char *text_of(const struct fold *f, size_t *ret_len);
/* Whether a parsed notebook carries the digest that text_of() would have given it. Changes nb. */
bool text_digest_fits(json_t *nb);

#endif
