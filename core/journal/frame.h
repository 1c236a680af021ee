/* SPDX-License-Identifier: Apache-2.0
 *
 * frame: the bytes of a journal, shared by the writer and the reader. The format stands in
 * journal.h.
 */
#ifndef SEER_JOURNAL_FRAME_H
#define SEER_JOURNAL_FRAME_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define JOURNAL_MAGIC "SEERJNL1"
enum {
    JOURNAL_MAGIC_LEN = 8,
    JOURNAL_HEAD_LEN = 24,    /* len, crc, seq, time */
    JOURNAL_PREFIX_LEN = 8,   /* len and crc: what `len` does not count */
    JOURNAL_COUNTED_HEAD = 16 /* seq and time: what it counts besides the payload */
};

/* CRC-32C (Castagnoli), as in iSCSI and ext4. `crc` is the value so far, 0 at the start. */
uint32_t crc32c(uint32_t crc, const void *data, size_t len);
/* The same by table only, for a test to compare. */
uint32_t crc32c_table(uint32_t crc, const void *data, size_t len);

/* Fills the 24 bytes before the payload. */
void journal_frame_head(char head[JOURNAL_HEAD_LEN], uint64_t seq, uint64_t time_ns,
                        const char *payload, size_t len);
/* Bytes of the whole frame that starts at data, as its length field says (not checked yet), or 0
 * when even that field is incomplete. */
size_t journal_frame_size(const char *data, size_t len);

struct journal_reader;
/* Where the frame after the last record given out begins in the file. */
off_t journal_reader_offset(const struct journal_reader *r);

#endif
