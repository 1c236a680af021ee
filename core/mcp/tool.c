/* SPDX-License-Identifier: Apache-2.0 */
#include "mcp/tool.h"

#include "base/buf.h"

#include <string.h>

static json_t *parsed(const char *text)
{
    return json_loads(text, 0, NULL); /* our own constants: a test parses each */
}

const struct mcp_tool *mcp_tool_find(const struct mcp_tool *tools, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(tools[i].name, name) == 0)
            return &tools[i];
    return NULL;
}

json_t *mcp_tool_describe(const struct mcp_tool *t, enum mcp_version v)
{
    json_t *d = json_pack("{s:s, s:s, s:o}", "name", t->name, "description", t->description,
                          "inputSchema", parsed(t->input));
    if (v >= MCP_2025_03_26)
        json_object_set_new(d, "annotations", parsed(t->annotations));
    if (v >= MCP_2025_06_18) {
        json_object_set_new(d, "title", json_string(t->title));
        if (t->output)
            json_object_set_new(d, "outputSchema", parsed(t->output));
    }
    return d;
}

static bool type_fits(const char *type, const json_t *v)
{
    if (strcmp(type, "string") == 0)
        return json_is_string(v);
    if (strcmp(type, "integer") == 0)
        return json_is_integer(v) ||
               (json_is_real(v) && json_real_value(v) == (double)(json_int_t)json_real_value(v));
    return strcmp(type, "number") == 0 && json_is_number(v);
}

static int check_one(const struct mcp_tool *t, const char *key, const json_t *rule, const json_t *v,
                     struct err *err)
{
    const char *type = json_str(rule, "type", "");
    bool vowel = strchr("aeiou", type[0]) != NULL;
    if (!type_fits(type, v))
        return err_set(err, ERR_USER, "bad_parameter", "%s: %s must be %s %s", t->name, key,
                       vowel ? "an" : "a", type);
    if (json_is_number(v) && json_object_get(rule, "minimum") &&
        json_number_value(v) < json_num(rule, "minimum", 0))
        return err_set(err, ERR_USER, "bad_parameter", "%s: %s must be at least %g", t->name, key,
                       json_num(rule, "minimum", 0));
    return 0;
}

static void list_keys(const json_t *props, struct buf *out)
{
    const char *key;
    json_t *v;
    json_object_foreach ((json_t *)props, key, v)
        if (buf_appendf(out, "%s%s", out->len ? ", " : "", key) < 0)
            return;
}

int mcp_tool_check(const struct mcp_tool *t, const json_t *args, struct err *err)
{
    _cleanup_json_ json_t *schema = parsed(t->input);
    const json_t *props = json_object_get(schema, "properties");
    _cleanup_buf_ struct buf known = BUF_INIT(400);
    list_keys(props, &known);
    size_t i;
    json_t *name;
    json_array_foreach (json_object_get(schema, "required"), i, name)
        if (!json_object_get(args, json_string_value(name)))
            return err_set(err, ERR_USER, "bad_parameter", "%s needs %s (it takes: %s)", t->name,
                           json_string_value(name), known.data);
    const char *key;
    json_t *v;
    json_object_foreach ((json_t *)args, key, v) {
        const json_t *rule = json_object_get(props, key);
        if (!rule)
            return err_set(err, ERR_USER, "bad_parameter",
                           "%s takes no argument %.80s (it takes: %s)", t->name, key, known.data);
        int r = check_one(t, key, rule, v, err);
        if (r < 0)
            return r;
    }
    return 0;
}
