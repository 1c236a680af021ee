/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/init_link.h"

#include "base/mem.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct init_msg m;
    _cleanup_free_ char *packet =
        xmalloc(size + 1); /* exactly sized, so that ASan sees an overrun */
    memcpy(packet, data, size);
    if (init_msg_parse(packet, size, &m) == 0) {
        size_t n = 0;
        for (char **s = m.argv; s && *s; s++)
            n += strlen(*s);
        for (char **s = m.env; s && *s; s++)
            n += strlen(*s);
        if (m.cwd)
            n += strlen(m.cwd);
        if (n > size)
            abort();
        init_msg_done(&m);
    }
    return 0;
}
