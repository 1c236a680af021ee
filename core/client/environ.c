/* SPDX-License-Identifier: Apache-2.0
 *
 * environ: what of the caller's environment settings come from. A list, not all of it: the rest is
 * none of the daemon's business.
 */
#include "client/client.h"

#include <string.h>

static const char *const prefixes[] = {"SEER_", "HF_", "PIP_", "UV_"};
static const char *const names[] = {
    "PATH",         "HOME",          "XDG_CACHE_HOME", "XDG_CONFIG_HOME",    "TRANSFORMERS_OFFLINE",
    "HTTP_PROXY",   "HTTPS_PROXY",   "ALL_PROXY",      "NO_PROXY",           "http_proxy",
    "https_proxy",  "all_proxy",     "no_proxy",       "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE",
    "SSL_CERT_DIR", "SSL_CERT_FILE", "VIRTUAL_ENV",
};

static bool wanted(const char *entry, size_t len)
{
    for (size_t i = 0; i < ARRAY_SIZE(prefixes); i++)
        if (strncmp(entry, prefixes[i], strlen(prefixes[i])) == 0)
            return true;
    for (size_t i = 0; i < ARRAY_SIZE(names); i++)
        if (strlen(names[i]) == len && memcmp(entry, names[i], len) == 0)
            return true;
    return false;
}

json_t *client_environ(void)
{
    json_t *out = json_object();
    for (char **e = environ; e && *e; e++) {
        size_t len = strcspn(*e, "=");
        if ((*e)[len] != '=' || len == 0 || !wanted(*e, len))
            continue;
        json_t *key = json_stringn(*e, len), *value = json_string(*e + len + 1);
        if (key && value) /* both are UTF-8 */
            json_object_set(out, json_string_value(key), value);
        json_decref(key);
        json_decref(value);
    }
    return out;
}
