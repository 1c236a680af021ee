/* SPDX-License-Identifier: Apache-2.0 */
#include "journal/frame.h"

#include "base/limits.h"
#include "journal/journal.h"

#include <endian.h>
#include <string.h>

static uint32_t get32(const char *p)
{
    uint32_t v;
    memcpy(&v, p, sizeof v);
    return le32toh(v);
}

static uint64_t get64(const char *p)
{
    uint64_t v;
    memcpy(&v, p, sizeof v);
    return le64toh(v);
}

void journal_frame_head(char head[JOURNAL_HEAD_LEN], uint64_t seq, uint64_t time_ns,
                        const char *payload, size_t len)
{
    uint64_t counted[2] = {htole64(seq), htole64(time_ns)};
    uint32_t crc = crc32c(crc32c(0, counted, sizeof counted), payload, len);
    uint32_t prefix[2] = {htole32((uint32_t)(sizeof counted + len)), htole32(crc)};
    memcpy(head, prefix, sizeof prefix);
    memcpy(head + sizeof prefix, counted, sizeof counted);
}

size_t journal_frame_size(const char *data, size_t len)
{
    return len < sizeof(uint32_t) ? 0 : (size_t)JOURNAL_PREFIX_LEN + get32(data);
}

int journal_frame_next(const char *data, size_t len, uint64_t want_seq, uint64_t *ret_time_ns,
                       const char **ret_payload, size_t *ret_payload_len, size_t *ret_total)
{
    if (len < sizeof(uint32_t))
        return 0;
    uint32_t counted = get32(data);
    /* The smallest payload is "{}". */
    if (counted < JOURNAL_COUNTED_HEAD + 2 ||
        counted > JOURNAL_COUNTED_HEAD + (size_t)LIMIT_JOURNAL_RECORD)
        return -EBADMSG;
    if (len < JOURNAL_PREFIX_LEN + (size_t)counted)
        return 0;
    const char *body = data + JOURNAL_PREFIX_LEN;
    if (crc32c(0, body, counted) != get32(data + 4) || get64(body) != want_seq)
        return -EBADMSG;
    *ret_time_ns = get64(body + 8);
    *ret_payload = body + JOURNAL_COUNTED_HEAD;
    *ret_payload_len = counted - JOURNAL_COUNTED_HEAD;
    *ret_total = JOURNAL_PREFIX_LEN + (size_t)counted;
    return 1;
}
