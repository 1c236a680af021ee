/* SPDX-License-Identifier: Apache-2.0
 *
 * A plan from any JSON text; with a leading '!' the rest is, up to a NUL, a mountinfo, and behind it
 * a /proc/self/cgroup.
 */
#include "base/mem.h"
#include "sandbox/cgroup.h"
#include "sandbox/plan.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fuzz_groups(const char *text, size_t size)
{
    size_t first = strnlen(text, size);
    const char *groups = first < size ? text + first + 1 : "";
    static const char *const controllers[] = {"memory", "pids", NULL};
    for (size_t i = 0; i < ARRAY_SIZE(controllers); i++) {
        char *path = NULL;
        if (cgroup_find(text, groups, controllers[i], &path) == 0)
            free(path);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    _cleanup_free_ char *text = xmalloc(size + 1);
    memcpy(text, data, size);
    text[size] = '\0';
    if (size && text[0] == '!') {
        fuzz_groups(text + 1, size - 1);
        return 0;
    }
    struct plan p;
    _cleanup_json_ json_t *j = json_parse_object(text, size, NULL);
    if (j && plan_parse(j, &p, NULL) == 0)
        plan_done(&p);
    return 0;
}
