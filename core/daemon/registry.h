/* SPDX-License-Identifier: Apache-2.0
 *
 * registry: what must outlive the daemon, in SEER_HOME/registry.db (SQLite, WAL). Two tables of JSON
 * documents by id, written through at each change. What a shim knows better is not kept here.
 */
#ifndef SEER_DAEMON_REGISTRY_H
#define SEER_DAEMON_REGISTRY_H

#include "proto/json.h"

struct registry;

_must_check_ int registry_open(const char *path, struct registry **ret, struct err *err);
void registry_close(struct registry *r);
/* table: "sandboxes" or "sessions". doc is borrowed. */
_must_check_ int registry_put(struct registry *r, const char *table, const char *id,
                              const json_t *doc, struct err *err);
_must_check_ int registry_drop(struct registry *r, const char *table, const char *id,
                               struct err *err);
/* Every document, oldest first. doc is borrowed. */
_must_check_ int registry_each(struct registry *r, const char *table,
                               void (*each)(const char *id, const json_t *doc, void *ctx),
                               void *ctx, struct err *err);

#endif
