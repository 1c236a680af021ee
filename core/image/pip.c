/* SPDX-License-Identifier: Apache-2.0 */
#include "image/pip.h"

#include "base/buf.h"
#include "base/fs.h"
#include "base/mem.h"

#include <ctype.h>
#include <fcntl.h>
#include <string.h>
#include <strings.h>

enum { CONFIG_MAX = 1 << 20, VALUE_MAX = 64 << 10 };

/* ---- the files ---- */

struct ini {
    json_t *sections[2]; /* global, install; owned */
    int section;         /* -1: another one */
    char key[128];
    struct buf value;
};

static void ini_flush(struct ini *i)
{
    if (*i->key && i->section >= 0)
        json_object_set_new(i->sections[i->section], i->key,
                            json_lossy(i->value.data ? i->value.data : "", i->value.len));
    i->key[0] = '\0';
    buf_clear(&i->value);
}

static void ini_more(struct ini *i, const char *text, size_t len)
{
    int r = i->value.len ? buf_append(&i->value, "\n", 1) : 0;
    r = r == 0 ? buf_append(&i->value, text, len) : r;
    (void)r; /* past VALUE_MAX the rest is left out */
}

static void ini_line(struct ini *i, const char *line, size_t len)
{
    bool indented = len && (line[0] == ' ' || line[0] == '\t');
    while (len && isspace((unsigned char)line[0]))
        line++, len--;
    while (len && isspace((unsigned char)line[len - 1]))
        len--;
    if (len == 0 || line[0] == '#' || line[0] == ';')
        return;
    if (indented && *i->key) {
        ini_more(i, line, len);
        return;
    }
    ini_flush(i);
    if (line[0] == '[') {
        i->section = len == 8 && memcmp(line, "[global]", 8) == 0    ? 0
                     : len == 9 && memcmp(line, "[install]", 9) == 0 ? 1
                                                                     : -1;
        return;
    }
    size_t n = 0;
    while (n < len && line[n] != '=' && line[n] != ':')
        n++;
    size_t key = n;
    while (key && isspace((unsigned char)line[key - 1]))
        key--;
    if (n == len || key == 0 || key >= sizeof i->key)
        return;
    for (size_t k = 0; k < key; k++)
        i->key[k] = line[k] == '_' ? '-' : (char)tolower((unsigned char)line[k]);
    i->key[key] = '\0';
    n++;
    while (n < len && isspace((unsigned char)line[n]))
        n++;
    if (n < len)
        ini_more(i, line + n, len - n);
}

void pip_ini(const char *text, size_t len, json_t *into)
{
    struct ini i = {
        .sections = {json_object(), json_object()}, .section = -1, .value = BUF_INIT(VALUE_MAX)};
    while (len) {
        const char *end = memchr(text, '\n', len);
        size_t n = end ? (size_t)(end - text) : len;
        ini_line(&i, text, n);
        n += end ? 1 : 0;
        text += n;
        len -= n;
    }
    ini_flush(&i);
    for (int s = 0; s < 2; s++) {
        json_object_update(into, i.sections[s]);
        json_decref(i.sections[s]);
    }
    buf_done(&i.value);
}

static void read_file(const char *path, json_t *into)
{
    _cleanup_free_ char *text = NULL;
    size_t len;
    if (fs_read_file(AT_FDCWD, path, CONFIG_MAX, &text, &len) == 0)
        pip_ini(text, len, into);
}

static void read_files(const json_t *caller_env, json_t *into)
{
    const char *own = json_str(caller_env, "PIP_CONFIG_FILE", NULL);
    const char *home = json_str(caller_env, "HOME", NULL);
    const char *xdg = json_str(caller_env, "XDG_CONFIG_HOME", NULL);
    if (own && strcmp(own, "/dev/null") == 0)
        return;
    read_file("/etc/xdg/pip/pip.conf", into);
    read_file("/etc/pip.conf", into);
    if (home) {
        _cleanup_free_ char *old = fs_join(home, ".pip/pip.conf");
        _cleanup_free_ char *now = xdg && *xdg == '/' ? fs_join(xdg, "pip/pip.conf")
                                                      : fs_join(home, ".config/pip/pip.conf");
        read_file(old, into);
        read_file(now, into);
    }
    if (own)
        read_file(own, into);
}

/* PIP_EXTRA_INDEX_URL -> extra-index-url, whatever the name. */
static void read_environ(const json_t *caller_env, json_t *into)
{
    const char *key;
    json_t *v;
    json_object_foreach ((json_t *)caller_env, key, v) {
        const char *text = json_string_value(v);
        char name[128];
        size_t n = 0;
        if (strncmp(key, "PIP_", 4) != 0 || !text || !*text)
            continue;
        for (const char *at = key + 4; *at && n < sizeof name - 1; at++)
            name[n++] = *at == '_' ? '-' : (char)tolower((unsigned char)*at);
        name[n] = '\0';
        json_object_set(into, name, v);
    }
}

/* ---- the settings ---- */

static json_t *words(const char *text, const char *separators)
{
    json_t *out = json_array();
    while (text && *(text += strspn(text, separators))) {
        size_t n = strcspn(text, separators);
        json_array_append_new(out, json_lossy(text, n));
        text += n;
    }
    return out;
}

static char *value(const json_t *options, const char *name)
{
    const char *v = json_str(options, name, "");
    return *v ? xstrdup(v) : NULL;
}

static bool truth(const char *v)
{
    return v && (strcmp(v, "1") == 0 || strcasecmp(v, "true") == 0 || strcasecmp(v, "yes") == 0 ||
                 strcasecmp(v, "on") == 0 || strcasecmp(v, "t") == 0 || strcasecmp(v, "y") == 0);
}

static void uv_list(const json_t *caller_env, const char *name, const char *separators,
                    json_t **list)
{
    const char *v = json_str(caller_env, name, "");
    if (!*v)
        return;
    json_decref(*list);
    *list = words(v, separators);
}

/* uv's own variables win over pip's. */
static void uv_over(const json_t *caller_env, struct pip *p)
{
    static const char *const index[] = {"UV_INDEX_URL", "UV_DEFAULT_INDEX"};
    for (size_t i = 0; i < ARRAY_SIZE(index); i++) {
        char *v = value(caller_env, index[i]);
        if (v) {
            free(p->index);
            p->index = v;
        }
    }
    uv_list(caller_env, "UV_EXTRA_INDEX_URL", " \t\n", &p->indexes);
    uv_list(caller_env, "UV_INDEX", " \t\n", &p->indexes);
    uv_list(caller_env, "UV_FIND_LINKS", ", \t\n", &p->find_links);
    uv_list(caller_env, "UV_CONSTRAINT", " \t\n", &p->constraints);
    uv_list(caller_env, "UV_INSECURE_HOST", " ,\t\n", &p->trusted_hosts);
    char *timeout = value(caller_env, "UV_HTTP_TIMEOUT");
    if (timeout) {
        free(p->timeout);
        p->timeout = timeout;
    }
    if (*json_str(caller_env, "UV_NO_INDEX", ""))
        p->no_index = truth(json_str(caller_env, "UV_NO_INDEX", ""));
}

void pip_read(const json_t *caller_env, struct pip *ret)
{
    _cleanup_json_ json_t *o = json_object();
    read_files(caller_env, o);
    read_environ(caller_env, o);
    *ret = (struct pip){
        .indexes = words(json_str(o, "extra-index-url", ""), " \t\n"),
        .find_links = words(json_str(o, "find-links", ""), " \t\n"),
        .constraints = words(json_str(o, "constraint", ""), " \t\n"),
        .trusted_hosts = words(json_str(o, "trusted-host", ""), " \t\n"),
        .index = value(o, "index-url"),
        .cert = value(o, "cert"),
        .timeout = value(o, "default-timeout"),
        .no_index = truth(json_str(o, "no-index", NULL)),
    };
    if (!ret->timeout)
        ret->timeout = value(o, "timeout");
    char *cert = value(caller_env, "SSL_CERT_FILE");
    if (cert && !ret->cert)
        ret->cert = cert;
    else
        free(cert);
    uv_over(caller_env, ret);
}

void pip_done(struct pip *p)
{
    json_decref(p->indexes);
    json_decref(p->find_links);
    json_decref(p->constraints);
    json_decref(p->trusted_hosts);
    free(p->index);
    free(p->cert);
    free(p->timeout);
    *p = (struct pip){0};
}
