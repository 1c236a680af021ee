/* SPDX-License-Identifier: Apache-2.0
 *
 * output: the shape of one nbformat output. The journal was written by us, but a notebook must be
 * valid whatever stands in it.
 */
#ifndef SEER_NOTEBOOK_OUTPUT_H
#define SEER_NOTEBOOK_OUTPUT_H

#include "proto/json.h"

/* A valid output made of a display_data, execute_result or error; a new reference, NULL when it is
 * none of these or nothing of it can be used. */
json_t *output_checked(const json_t *out);
/* A MIME bundle with only what nbformat allows; a new reference, never NULL. */
json_t *output_data(const json_t *data);
/* {"output_type":"stream",...}; takes text. */
json_t *output_stream(const char *name, json_t *take_text);
json_t *output_error(const char *ename, const char *evalue);
/* May hold any JSON in an output (the others are text). */
bool output_mime_is_json(const char *mime);
/* A string, or the strings of an array put together (with a separator); NULL for anything else. */
json_t *output_text(const json_t *j, const char *separator);
/* About the bytes of the JSON text of j. */
size_t output_size(const json_t *j);

#endif
