/* SPDX-License-Identifier: Apache-2.0
 *
 * methods: the table of requests (methods.def) and the check of their parameters against it.
 */
#ifndef SEER_PROTO_METHODS_H
#define SEER_PROTO_METHODS_H

#include "proto/json.h"

enum method_side { METHOD_DAEMON = 1, METHOD_SHIM = 2, METHOD_BOTH = 3 };

struct method {
    const char *name;
    enum method_side side;
    const char *params; /* "name:type name:type? ..." with type s, i, n, b, o, a; ? = optional */
    const char *doc;
};

const struct method *method_find(const char *name);
const struct method *method_table(size_t *ret_count);
/* Refuses a missing parameter, one of a wrong type, and one the table does not know. */
_must_check_ int method_check(const struct method *m, const json_t *params, struct err *err);

#endif
