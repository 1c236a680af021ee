/* SPDX-License-Identifier: Apache-2.0
 *
 * impl: between the files of this folder.
 */
#ifndef SEER_CLIENT_IMPL_H
#define SEER_CLIENT_IMPL_H

#include "client/client.h"

#define CLIENT_START_SECONDS 10 /* from exec of seerd to its line; it opens a database and a port */

/* Runs seerd and waits for its line. */
_must_check_ int daemon_start(const struct paths *paths, struct err *err);
/* client_connect; `may_start` false: code "no_daemon" instead of starting one. */
_must_check_ int connect_daemon(uv_loop_t *loop, const struct peer_ops *ops, void *ctx,
                                bool may_start, struct peer **ret, struct err *err);

#endif
