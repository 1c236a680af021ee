/* SPDX-License-Identifier: Apache-2.0
 *
 * seer.h: the C interface of seer. Small and stable: one connection to seerd (started when none
 * runs), requests as JSON text in, JSON text out. What requests there are and what they answer
 * stands in docs/formats/ and core/proto/methods.def.
 *
 *     struct seer *s;
 *     if (seer_open(&s) < 0) {
 *         fprintf(stderr, "%s; %s\n", seer_error_message(s), seer_error_hint(s));
 *         seer_close(s);
 *         return 1;
 *     }
 *     char *list = seer_call(s, "sandbox.list", "{}", NULL, NULL);
 *     seer_free(list);
 *     seer_close(s);
 *
 * A handle belongs to one thread at a time. A connection lost to the death of seerd is made anew by
 * the next call; session.execute goes on by itself and never runs a cell twice.
 */
#ifndef SEER_H
#define SEER_H

#ifdef __cplusplus
extern "C" {
#endif

#define SEER_API __attribute__((visibility("default")))

struct seer;

/* An event that came before the answer: its name, and its data as JSON text, valid for the call. */
typedef void seer_event_fn(const char *event, const char *data, void *ctx);

/* 0, or -1 with the reason in *ret, which is to be closed either way. */
SEER_API int seer_open(struct seer **ret);
/* NULL is fine. Sandboxes and sessions go on. */
SEER_API void seer_close(struct seer *s);

/* Sends one request and waits for its answer: JSON text to be given to seer_free, or NULL with the
 * reason in s. params may be NULL (no parameters), on_event too. on_event must not call seer_call. */
SEER_API char *seer_call(struct seer *s, const char *method, const char *params,
                         seer_event_fn *on_event, void *ctx);
SEER_API void seer_free(char *text);

/* The reason of the last failure on s; "" when there was none. kind is one of user, guest, system,
 * busy, bug; code a stable word; message one sentence; hint what to do about it, or "". */
SEER_API const char *seer_error_kind(const struct seer *s);
SEER_API const char *seer_error_code(const struct seer *s);
SEER_API const char *seer_error_message(const struct seer *s);
SEER_API const char *seer_error_hint(const struct seer *s);

/* "0.1.0" */
SEER_API const char *seer_version(void);

#ifdef __cplusplus
}
#endif

#endif
