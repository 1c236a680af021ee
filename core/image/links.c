/* SPDX-License-Identifier: Apache-2.0 */
#include "image/links.h"

#include "base/fs.h"
#include "base/mem.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>

enum { PAGE_MAX = 64 << 10 };

char *links_path(const char *given)
{
    if (*given == '/')
        return xstrdup(given);
    if (strncmp(given, "file://", 7) != 0)
        return NULL;
    const char *at = given + 7;
    if (strncmp(at, "localhost/", 10) == 0)
        at += 9;
    if (*at != '/')
        return NULL;
    char *out = xstrdup(at), *to = out;
    for (; *at; at++) {
        unsigned c;
        if (*at == '%' && sscanf(at + 1, "%2x", &c) == 1 && c) {
            *to++ = (char)c;
            at += 2;
        } else
            *to++ = *at;
    }
    *to = '\0';
    return out;
}

static bool keeps_path(const char *path)
{
    static const char *const ours[] = {"/opt/env", "/opt/python", "/opt/seer", "/opt/build",
                                       "/mnt/seer"};
    for (size_t i = 0; i < ARRAY_SIZE(ours); i++)
        if (strncmp(path, ours[i], strlen(ours[i])) == 0)
            return false;
    return strncmp(path, "/opt/", 5) == 0 || strncmp(path, "/srv/", 5) == 0 ||
           strncmp(path, "/mnt/", 5) == 0;
}

static const char *find_mount(const json_t *mounts, const char *src)
{
    size_t i;
    const json_t *m;
    json_array_foreach (mounts, i, m) {
        if (strcmp(json_str(m, "src", ""), src) == 0)
            return json_str(m, "dst", NULL);
    }
    return NULL;
}

static void add_mount(json_t *mounts, const char *src, const char *dst)
{
    if (!find_mount(mounts, src))
        json_array_append_new(mounts, json_pack("{s:s, s:s, s:s, s:b}", "type", "bind", "src", src,
                                                "dst", dst, "writable", 0));
}

/* The first "../../NAME/" that a project's page links to: NAME stands beside the index. */
static char *page_sibling(const char *page)
{
    const char *at = strstr(page, "href=\"../../");
    if (!at)
        return NULL;
    at += strlen("href=\"../../");
    size_t n = strcspn(at, "/\"#?");
    if (n == 0 || at[n] != '/' || (n <= 2 && at[0] == '.'))
        return NULL;
    return xstrndup(at, n);
}

static char *index_sibling(const char *index)
{
    DIR *d = opendir(index);
    char *found = NULL;
    const struct dirent *de;
    for (int tries = 0; d && !found && tries < 16 && (de = readdir(d));) {
        if (de->d_name[0] == '.')
            continue;
        _cleanup_free_ char *path = xasprintf("%s/%s/index.html", index, de->d_name), *page = NULL;
        _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
        page = xcalloc(1, PAGE_MAX + 1);
        tries++;
        if (fd >= 0 && read(fd, page, PAGE_MAX) > 0)
            found = page_sibling(page);
    }
    if (d)
        closedir(d);
    return found;
}

char *links_place(const char *given, bool index, json_t *mounts)
{
    _cleanup_free_ char *path = links_path(given);
    char real[PATH_MAX];
    struct stat st;
    if (!path)
        return xstrdup(given);
    if (!realpath(path, real) || stat(real, &st) < 0 || !S_ISDIR(st.st_mode) ||
        strcmp(real, "/") == 0)
        return NULL;
    char *base = strrchr(real, '/');
    _cleanup_free_ char *parent = xstrndup(real, (size_t)(base - real));
    const char *have = find_mount(mounts, real);
    /* An index and the files beside it must keep their places to each other. */
    _cleanup_free_ char *to = have ? xstrdup(have)
                              : keeps_path(real)
                                  ? xstrdup(real)
                                  : xasprintf("/mnt/seer/%zu%s", json_array_size(mounts), base);
    add_mount(mounts, real, to);
    if (index) {
        _cleanup_free_ char *name = index_sibling(real);
        if (name) {
            _cleanup_free_ char *src = fs_join(parent, name);
            char *cut = strrchr(to, '/');
            _cleanup_free_ char *dst = xasprintf("%.*s/%s", (int)(cut - to), to, name);
            if (realpath(src, real))
                add_mount(mounts, real, dst);
        }
    }
    return strncmp(given, "file://", 7) == 0 ? xasprintf("file://%s", to) : TAKE_PTR(to);
}
