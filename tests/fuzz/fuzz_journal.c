/* SPDX-License-Identifier: Apache-2.0
 *
 * The journal's frame decoder over arbitrary bytes: what it returns lies inside the input, and the
 * frame made again from it is the same.
 */
#include "base/limits.h"
#include "journal/frame.h"
#include "journal/journal.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *p = (const char *)data;
    uint64_t seq = 1;
    if (size >= JOURNAL_MAGIC_LEN && memcmp(p, JOURNAL_MAGIC, JOURNAL_MAGIC_LEN) == 0) {
        p += JOURNAL_MAGIC_LEN;
        size -= JOURNAL_MAGIC_LEN;
    }
    for (;;) {
        uint64_t time_ns;
        const char *payload;
        size_t len, total;
        int r = journal_frame_next(p, size, seq, &time_ns, &payload, &len, &total);
        if (r != 1)
            break;
        char head[JOURNAL_HEAD_LEN];
        journal_frame_head(head, seq, time_ns, payload, len);
        if (total > size || payload < p || payload + len != p + total ||
            memcmp(head, p, sizeof head) != 0)
            __builtin_trap();
        json_decref(json_parse_object(payload, len, NULL));
        p += total;
        size -= total;
        seq++;
    }
    return 0;
}
