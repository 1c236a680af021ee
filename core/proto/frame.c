/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/frame.h"

#include "base/limits.h"

#include <endian.h>
#include <stdint.h>
#include <string.h>

int frame_next(const char *data, size_t len, size_t max, const char **ret_payload,
               size_t *ret_payload_len, size_t *ret_total)
{
    uint32_t n;
    if (len < sizeof n)
        return 0;
    memcpy(&n, data, sizeof n);
    n = le32toh(n);
    if (n == 0)
        return -EBADMSG;
    if (n > max)
        return -EMSGSIZE;
    if (len - sizeof n < n)
        return 0;
    *ret_payload = data + sizeof n;
    *ret_payload_len = n;
    *ret_total = sizeof n + n;
    return 1;
}

int frame_put(struct buf *out, const char *payload, size_t len)
{
    if (len == 0 || len > LIMIT_FRAME)
        return -EMSGSIZE;
    uint32_t n = htole32((uint32_t)len);
    int r = buf_reserve(out, sizeof n + len);
    if (r < 0)
        return r;
    r = buf_append(out, &n, sizeof n);
    return r < 0 ? r : buf_append(out, payload, len);
}
