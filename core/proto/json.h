/* SPDX-License-Identifier: Apache-2.0
 *
 * json: the one way JSON from outside comes in (jansson behind a depth and size limit), and short
 * getters. Strings may hold NUL: use json_string_length where bytes matter.
 */
#ifndef SEER_PROTO_JSON_H
#define SEER_PROTO_JSON_H

#include "base/cleanup.h"
#include "base/err.h"

#include <jansson.h>
#include <stdbool.h>

#define _cleanup_json_ _cleanup_(json_decrefp)

/* Parses one JSON text whose top level is an object. Refuses: nesting over LIMIT_JSON_DEPTH,
 * duplicate keys, bytes after the end, invalid UTF-8. NULL with err set on failure. */
json_t *json_parse_object(const char *data, size_t len, struct err *err);
/* Any value at the top level (JSON-RPC batches, MIME data). */
json_t *json_parse_any(const char *data, size_t len, struct err *err);
/* Compact text, malloc'ed; never NULL for a value we made. *ret_len may be NULL. */
char *json_text(const json_t *j, size_t *ret_len);

/* Members by name; the default when absent or of another type. */
const char *json_str(const json_t *obj, const char *key, const char *fallback);
json_int_t json_int(const json_t *obj, const char *key, json_int_t fallback);
double json_num(const json_t *obj, const char *key, double fallback);
bool json_flag(const json_t *obj, const char *key, bool fallback);

/* A JSON string from bytes that may not be UTF-8: each wrong byte becomes U+FFFD. */
json_t *json_lossy(const char *data, size_t len);
/* A JSON string of the base64 of data, and back (malloc'ed; -EBADMSG when it is not base64). */
json_t *json_base64(const void *data, size_t len);
_must_check_ int json_unbase64(const json_t *j, char **ret, size_t *ret_len);

/* struct err <-> {"kind","code","message","hint"} */
json_t *json_from_err(const struct err *err);
void json_to_err(const json_t *j, struct err *ret_err);

#endif
