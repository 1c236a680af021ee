/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/methods.h"

#include <string.h>

#define METHOD(name, side, params, doc) {#name, METHOD_##side, params, doc},
static const struct method methods[] = {
#include "proto/methods.def"
};
#undef METHOD

const struct method *method_table(size_t *ret_count)
{
    *ret_count = ARRAY_SIZE(methods);
    return methods;
}

const struct method *method_find(const char *name)
{
    for (size_t i = 0; i < ARRAY_SIZE(methods); i++)
        if (strcmp(methods[i].name, name) == 0)
            return &methods[i];
    return NULL;
}

static bool type_fits(char type, const json_t *v)
{
    switch (type) {
    case 's':
        return json_is_string(v);
    case 'i':
        return json_is_integer(v);
    case 'n':
        return json_is_number(v);
    case 'b':
        return json_is_boolean(v);
    case 'o':
        return json_is_object(v);
    default:
        return json_is_array(v);
    }
}

static const char *type_word(char type)
{
    return type == 's'   ? "text"
           : type == 'i' ? "an integer"
           : type == 'n' ? "a number"
           : type == 'b' ? "true or false"
           : type == 'o' ? "an object"
                         : "a list";
}

static bool knows(const struct method *m, const char *key)
{
    size_t len = strlen(key);
    for (const char *at = m->params; *at;) {
        if (strcspn(at, ":") == len && memcmp(at, key, len) == 0)
            return true;
        at += strcspn(at, " ");
        at += strspn(at, " ");
    }
    return false;
}

int method_check(const struct method *m, const json_t *params, struct err *err)
{
    size_t known = 0;
    for (const char *at = m->params; *at;) {
        size_t n = strcspn(at, " "), name_len = strcspn(at, ":");
        char name[32], type = at[name_len + 1];
        bool optional = at[n - 1] == '?';
        snprintf(name, sizeof name, "%.*s", (int)name_len, at);
        const json_t *v = json_object_get(params, name);
        if (json_is_null(v) && optional)
            known++;
        else if (v) {
            known++;
            if (!type_fits(type, v))
                return err_set(err, ERR_USER, "bad_parameter", "%s: %s must be %s", m->name, name,
                               type_word(type));
        } else if (!optional)
            return err_set(err, ERR_USER, "bad_parameter", "%s: %s is missing", m->name, name);
        at += n;
        at += strspn(at, " ");
    }
    if (known == json_object_size(params))
        return 0;
    const char *key;
    json_t *v;
    json_object_foreach ((json_t *)params, key, v) {
        if (!knows(m, key))
            return err_set(err, ERR_USER, "bad_parameter", "%s takes no parameter %.64s", m->name,
                           key);
    }
    return 0;
}
