/* SPDX-License-Identifier: Apache-2.0
 *
 * journal: the append-only record of one session. Format (version 1):
 *
 *   file   = magic "SEERJNL1" (8 bytes) frame*
 *   frame  = u32 len | u32 crc32c(len bytes that follow after crc) | u64 seq | u64 time_ns | payload
 *            len counts seq, time_ns and payload; all little-endian; payload is one UTF-8 JSON
 *            object (record.h); seq is 1, 2, 3, … without gaps.
 *
 * Recovery: reading stops at the first frame that is short, fails its CRC, breaks the sequence or
 * is not JSON; a writer that opens such a file cuts it there (and says how much). An append is
 * acknowledged after write(2); journal_sync() is called at the end of each cell. After a failed
 * write the file is cut back to the last whole frame and the writer stays usable; after a failed
 * fsync it is dead (the page cache can no longer be believed).
 */
#ifndef SEER_JOURNAL_JOURNAL_H
#define SEER_JOURNAL_JOURNAL_H

#include "proto/json.h"

#include <stdint.h>

struct journal;        /* the writer; one per session, in the shim */
struct journal_reader; /* any number, anywhere; sees what was written so far */

/* Opens or makes the file (0600, flock'ed so that there is one writer). *ret_cut: bytes of a torn
 * tail that were removed. */
_must_check_ int journal_open(const char *path, struct journal **ret, uint64_t *ret_cut,
                              struct err *err);
/* Writes one record; borrowed. Returns 0 with its seq and time. */
_must_check_ int journal_append(struct journal *j, const json_t *rec, uint64_t *ret_seq,
                                uint64_t *ret_time_ns, struct err *err);
_must_check_ int journal_sync(struct journal *j, struct err *err);
/* For a sync in another thread: fdatasync() on a copy of this descriptor (borrowed), whose failure
 * is then told with journal_sync_failed(). */
int journal_fd(const struct journal *j);
void journal_sync_failed(struct journal *j);
uint64_t journal_next_seq(const struct journal *j);
void journal_close(struct journal *j);

_must_check_ int journal_reader_open(const char *path, struct journal_reader **ret,
                                     struct err *err);
/* Next record: 1 with *ret_rec (caller's reference), 0 at the end of what is there (call again
 * later; a torn frame is also just "no more yet"), negative on a broken file. */
_must_check_ int journal_read(struct journal_reader *r, uint64_t *ret_seq, uint64_t *ret_time_ns,
                              json_t **ret_rec, struct err *err);
void journal_reader_close(struct journal_reader *r);

/* Pure decoder under the reader (fuzzed): 1 a frame, 0 more bytes needed, -EBADMSG torn. */
_must_check_ int journal_frame_next(const char *data, size_t len, uint64_t want_seq,
                                    uint64_t *ret_time_ns, const char **ret_payload,
                                    size_t *ret_payload_len, size_t *ret_total);

#endif
