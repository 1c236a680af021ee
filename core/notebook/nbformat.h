/* SPDX-License-Identifier: Apache-2.0
 *
 * nbformat: parts of the folded state in nbformat 4.5's shape.
 */
#ifndef SEER_NOTEBOOK_NBFORMAT_H
#define SEER_NOTEBOOK_NBFORMAT_H

#include "notebook/fold_internal.h"

/* Both: new references. */
json_t *nbformat_cell(const struct cell *c);
json_t *nbformat_metadata(const struct fold *f);

#endif
