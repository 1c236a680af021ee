/* SPDX-License-Identifier: Apache-2.0
 *
 * request: what a browser asks, out of its raw parts. Pure; every part is hostile.
 */
#ifndef SEER_GATEWAY_REQUEST_H
#define SEER_GATEWAY_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define REQUEST_WORD_MAX 64
#define REQUEST_PATH_MAX 64

enum request_method { REQUEST_GET, REQUEST_POST, REQUEST_OTHER };
enum token_source { TOKEN_NONE, TOKEN_COOKIE, TOKEN_HEADER, TOKEN_QUERY };

struct request {
    enum request_method method;
    char sandbox[REQUEST_WORD_MAX + 1];
    char path[REQUEST_PATH_MAX + 1]; /* below /s/<sandbox>/; "" is the page */
    bool no_slash;                   /* "/s/<sandbox>" as it stands */
    char token[REQUEST_WORD_MAX + 1];
    enum token_source token_from;
    char session[REQUEST_WORD_MAX + 1]; /* "" for none */
    uint64_t from;                      /* first record wanted; 0 when not said */
};

/* path: percent-decoded, without the query. False when it is nothing below /s/<sandbox>. */
bool request_set_path(struct request *rq, const char *path, size_t len);
/* One decoded "name=value"; names it does not know are passed over. */
void request_set_arg(struct request *rq, const char *arg, size_t len);
/* The value of Cookie; after request_set_path(), since the cookie's name holds the sandbox. */
void request_set_cookie(struct request *rq, const char *cookies, size_t len);
/* The value of Authorization. */
void request_set_authorization(struct request *rq, const char *value, size_t len);
/* The value of Last-Event-ID: go on after that record. Beats ?from=. */
void request_set_last_event(struct request *rq, const char *value, size_t len);

/* Only names of this machine's loopback may stand in Host (else a page of another name, pointed at
 * 127.0.0.1 by its DNS, could read us). Any port: it may be forwarded. */
bool request_host_ok(const char *host, size_t len);
/* Origin must be the page's own: "http://" and the very Host. */
bool request_origin_ok(const char *origin, size_t len, const char *host, size_t host_len);

#endif
