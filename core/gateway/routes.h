/* SPDX-License-Identifier: Apache-2.0
 *
 * routes: which request does what. Each goes the same way: method and path are known, the token is
 * checked by the daemon, then the route answers.
 */
#ifndef SEER_GATEWAY_ROUTES_H
#define SEER_GATEWAY_ROUTES_H

#include "gateway/exchange.h"

/* Answers x, now or later. xsrf: the request had a header X-XSRFToken. */
void routes_run(struct exchange *x, bool xsrf);

#endif
