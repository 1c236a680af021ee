/* SPDX-License-Identifier: Apache-2.0
 *
 * page: a cell's outputs as text, a piece at a time: what session.output answers, of a session that
 * lives and of one that is over.
 */
#ifndef SEER_NOTEBOOK_PAGE_H
#define SEER_NOTEBOOK_PAGE_H

#include "proto/json.h"

/* {text, total, next?} of a cell as fold_cell() gives it. params: {index?, offset?, length?}; index
 * is one output, without it all; offset, length and total are bytes of UTF-8, and a page never cuts
 * a character. NULL with the reason in err. */
json_t *page_of_cell(const json_t *cell, const json_t *params, struct err *err);

#endif
