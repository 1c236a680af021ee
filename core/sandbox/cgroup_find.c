/* SPDX-License-Identifier: Apache-2.0
 *
 * The texts of /proc/self/mountinfo and /proc/self/cgroup taken apart. Pure.
 */
#include "sandbox/cgroup.h"

#include "base/mem.h"

#include <string.h>

/* True when the comma list of len bytes holds the word. */
static bool list_has(const char *list, size_t len, const char *word)
{
    size_t n = strlen(word);
    for (const char *at = list, *end = list + len; at <= end;) {
        const char *comma = memchr(at, ',', (size_t)(end - at));
        size_t part = (size_t)((comma ? comma : end) - at);
        if (part == n && memcmp(at, word, n) == 0)
            return true;
        at += part + 1;
    }
    return false;
}

/* mountinfo writes space, tab, newline and backslash as \ooo. */
static char *unescape(const char *s, size_t len)
{
    char *out = xmalloc(len + 1), *to = out;
    for (size_t i = 0; i < len; i++) {
        unsigned v;
        char oct[4] = {0};
        if (s[i] == '\\' && len - i > 3) {
            memcpy(oct, s + i + 1, 3);
            if (strspn(oct, "01234567") == 3) {
                v = (unsigned)strtoul(oct, NULL, 8);
                *to++ = (char)v;
                i += 3;
                continue;
            }
        }
        *to++ = s[i];
    }
    *to = '\0';
    return out;
}

struct field {
    const char *at;
    size_t len;
};

static bool is(struct field f, const char *s)
{
    return f.len == strlen(s) && memcmp(f.at, s, f.len) == 0;
}

/* Splits a line at spaces; how many fields there are, at most max. */
static size_t split(const char *line, size_t len, struct field *f, size_t max)
{
    size_t n = 0;
    for (size_t i = 0; i < len && n < max;) {
        size_t start = i;
        while (i < len && line[i] != ' ')
            i++;
        f[n++] = (struct field){line + start, i - start};
        i++;
    }
    return n;
}

/* One mountinfo line: the mount of this controller (v2 when NULL)? */
static bool mount_line(const char *line, size_t len, const char *controller, char **ret_root,
                       char **ret_point)
{
    struct field f[32];
    size_t n = split(line, len, f, ARRAY_SIZE(f)), dash = 6;
    while (dash < n && !is(f[dash], "-"))
        dash++;
    if (dash + 3 >= n)
        return false;
    bool mine = controller ? is(f[dash + 1], "cgroup") &&
                                 list_has(f[dash + 3].at, f[dash + 3].len, controller)
                           : is(f[dash + 1], "cgroup2");
    if (!mine)
        return false;
    *ret_root = unescape(f[3].at, f[3].len);
    *ret_point = unescape(f[4].at, f[4].len);
    return true;
}

/* One line "id:controllers:path" of /proc/self/cgroup. */
static char *group_line(const char *line, size_t len, const char *controller)
{
    const char *one = memchr(line, ':', len);
    const char *two = one ? memchr(one + 1, ':', (size_t)(line + len - one - 1)) : NULL;
    if (!two || two + 1 >= line + len || two[1] != '/')
        return NULL;
    size_t list = (size_t)(two - one - 1);
    bool mine = controller ? list_has(one + 1, list, controller) : list == 0;
    return mine ? xstrndup(two + 1, (size_t)(line + len - two - 1)) : NULL;
}

/* The group as a folder: the part of `group` below the mount's root. */
static char *place(const char *point, const char *root, const char *group)
{
    size_t n = strcmp(root, "/") == 0 ? 0 : strlen(root);
    if (strncmp(group, root, n) != 0 || (group[n] != '/' && group[n] != '\0'))
        group = "", n = 0; /* not below what is mounted: the top of it is the nearest */
    const char *rest = group + n;
    rest += strspn(rest, "/");
    /* A group outside our cgroup namespace shows as /../x: nothing there is ours. */
    if (!*rest || strncmp(rest, "..", 2) == 0)
        return xstrdup(point);
    return xasprintf("%s/%s", point, rest);
}

#define FOR_LINES(line, len, text)                                                                 \
    for (const char *line = (text), *next_; line && *line; line = next_)                           \
        for (size_t len = strcspn(line, "\n"), once_ = (next_ = line + len + (line[len] != 0), 1); \
             once_; once_ = 0)

int cgroup_find(const char *mountinfo, const char *groups, const char *controller, char **ret)
{
    _cleanup_free_ char *group = NULL;
    FOR_LINES(line, len, groups)
    if (!group)
        group = group_line(line, len, controller);
    _cleanup_free_ char *root = NULL, *point = NULL;
    FOR_LINES(line, len, mountinfo)
    if (!point && group)
        mount_line(line, len, controller, &root, &point);
    if (!group || !point)
        return -ENOENT;
    *ret = place(point, root, group);
    return 0;
}
