/* SPDX-License-Identifier: Apache-2.0
 *
 * records: from the content of a checked message to a journal record (journal/record.h). Pure. What
 * comes out has nbformat's shape whatever went in.
 */
#ifndef SEER_KERNEL_RECORDS_H
#define SEER_KERNEL_RECORDS_H

#include "proto/json.h"

/* A message of iopub that shows something. 1 with a record, 0 when this type makes none, negative
 * with the flaw named. */
_must_check_ int records_make(const char *type, const json_t *content, const char *cell,
                              json_t **ret, struct err *err);
/* "end" from an execute_reply. interrupted: somebody interrupted this cell. */
json_t *records_end(const json_t *reply, const char *cell, bool interrupted);
/* An "output" of the error that a reply tells of, NULL when it tells of none. */
json_t *records_reply_error(const json_t *reply, const char *cell);
/* An "output" of the help text in payload number i of a reply; NULL when it is not one. */
json_t *records_page(const json_t *reply, size_t i, const char *cell);
json_t *records_dropped(const char *cell, size_t bytes, const char *reason);
json_t *records_died(const char *cell, const char *reason);

#endif
