/* SPDX-License-Identifier: Apache-2.0 */
#include "shim/command.h"

#include "base/fs.h"
#include "base/mem.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>

static void strv_free(char **v)
{
    for (char **at = v; at && *at; at++)
        free(*at);
    free(v);
}

static bool is_plain(const json_t *j)
{
    return json_is_string(j) && strlen(json_string_value(j)) == json_string_length(j);
}

static int bad(struct err *err, const char *what)
{
    return err_set(err, ERR_USER, "bad_parameter", "%s", what);
}

static int parse_argv(const json_t *argv, char ***ret, struct err *err)
{
    size_t n = json_array_size(argv), i;
    json_t *item;
    if (n == 0)
        return bad(err, "argv must name a command");
    char **v = xcalloc(n + 1, sizeof *v);
    json_array_foreach (argv, i, item) {
        if (!is_plain(item) || (i == 0 && json_string_length(item) == 0)) {
            strv_free(v);
            return bad(err, "argv must be a list of strings without NUL");
        }
        v[i] = xstrdup(json_string_value(item));
    }
    *ret = v;
    return 0;
}

static char **env_find(char **v, const char *name)
{
    size_t n = strlen(name);
    for (; *v; v++)
        if (strncmp(*v, name, n) == 0 && (*v)[n] == '=')
            return v;
    return v; /* at the terminator */
}

static int env_put(char **v, const char *name, const json_t *value, struct err *err)
{
    if (!*name || strchr(name, '=') || !(json_is_null(value) || is_plain(value)))
        return bad(err, "env must be an object of names and strings without NUL");
    char **at = env_find(v, name);
    if (json_is_null(value)) {
        free(*at);
        for (; *at; at++) /* the rest moves up */
            at[0] = at[1];
        return 0;
    }
    free(*at);
    *at = xasprintf("%s=%s", name, json_string_value(value));
    return 0;
}

static int parse_env(const json_t *env, char *const *base, char ***ret, struct err *err)
{
    size_t n = 0;
    while (base && base[n])
        n++;
    char **v = xcalloc(n + json_object_size(env) + 1, sizeof *v);
    for (size_t i = 0; i < n; i++)
        v[i] = xstrdup(base[i]);
    const char *name;
    json_t *value;
    json_object_foreach ((json_t *)env, name, value) {
        int r = env_put(v, name, value, err);
        if (r < 0) {
            strv_free(v);
            return r;
        }
    }
    *ret = v;
    return 0;
}

int command_parse(const json_t *params, char *const *base, struct command *ret, struct err *err)
{
    struct command c = {0};
    const char *cwd = json_str(params, "cwd", "/workspace");
    if (cwd[0] != '/')
        return bad(err, "cwd must be an absolute path");
    int r = parse_argv(json_object_get(params, "argv"), &c.argv, err);
    if (r == 0)
        r = parse_env(json_object_get(params, "env"), base, &c.env, err);
    if (r < 0) {
        command_done(&c);
        return r;
    }
    c.cwd = xstrdup(cwd);
    *ret = c;
    return 0;
}

void command_done(struct command *c)
{
    strv_free(c->argv);
    strv_free(c->env);
    free(c->cwd);
    *c = (struct command){0};
}

/* The text stands in sealed memory: no pipe to feed, and the guest cannot change it. */
int command_stdin(const json_t *data64, struct err *err)
{
    if (!data64) {
        int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
        return null < 0 ? err_sys(err, errno, "cannot open /dev/null") : null;
    }
    _cleanup_free_ char *data = NULL;
    size_t len;
    if (json_unbase64(data64, &data, &len) < 0)
        return bad(err, "stdin64 is not base64");
    _cleanup_close_ int fd = memfd_create("stdin", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0)
        return err_sys(err, errno, "cannot keep the standard input");
    int r = fs_write_all(fd, data, len);
    if (r < 0)
        return err_sys(err, -r, "cannot keep the standard input");
    if (fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL) < 0 ||
        lseek(fd, 0, SEEK_SET) < 0)
        return err_sys(err, errno, "cannot seal the standard input");
    return TAKE_FD(fd);
}
