/* SPDX-License-Identifier: Apache-2.0 */
#include "notebook/output.h"

#include "base/buf.h"

#include <stdint.h>
#include <string.h>

bool output_mime_is_json(const char *mime)
{
    static const char head[] = "application/", tail[] = "json";
    size_t n = strlen(mime), h = sizeof head - 1, t = sizeof tail - 1;
    if (n < h + t || strncmp(mime, head, h) != 0 || strcmp(mime + n - t, tail) != 0)
        return false;
    return n == h + t || mime[n - t - 1] == '+';
}

json_t *output_text(const json_t *j, const char *separator)
{
    if (json_is_string(j))
        return json_incref((json_t *)j);
    if (!json_is_array(j))
        return NULL;
    _cleanup_buf_ struct buf text = BUF_INIT(SIZE_MAX / 4);
    size_t i;
    const json_t *part;
    json_array_foreach (j, i, part) {
        if (!json_is_string(part) || (i && buf_appends(&text, separator) < 0) ||
            buf_append(&text, json_string_value(part), json_string_length(part)) < 0)
            return NULL;
    }
    return json_lossy(text.data ? text.data : "", text.len);
}

json_t *output_data(const json_t *data)
{
    json_t *checked = json_object();
    const char *mime;
    json_t *value;
    json_object_foreach ((json_t *)data, mime, value) {
        if (output_mime_is_json(mime)) {
            json_object_set(checked, mime, value);
            continue;
        }
        json_t *text = output_text(value, "");
        if (text)
            json_object_set_new(checked, mime, text);
    }
    return checked;
}

json_t *output_stream(const char *name, json_t *take_text)
{
    return json_pack("{s:s, s:s, s:o}", "output_type", "stream", "name", name, "text", take_text);
}

json_t *output_error(const char *ename, const char *evalue)
{
    _cleanup_json_ json_t *text = json_lossy(evalue, strlen(evalue));
    return json_pack("{s:s, s:s, s:O, s:[O]}", "output_type", "error", "ename", ename, "evalue",
                     text, "traceback", text);
}

static json_t *checked_error(const json_t *out)
{
    const json_t *ename = json_object_get(out, "ename"), *evalue = json_object_get(out, "evalue");
    json_t *lines = json_array();
    size_t i;
    const json_t *traceback = json_object_get(out, "traceback");
    json_t *line;
    json_array_foreach (traceback, i, line) {
        if (json_is_string(line))
            json_array_append(lines, line);
    }
    json_t *made = json_pack("{s:s, s:o}", "output_type", "error", "traceback", lines);
    json_object_set_new(made, "ename",
                        json_is_string(ename) ? json_copy((json_t *)ename) : json_string("Error"));
    json_object_set_new(made, "evalue",
                        json_is_string(evalue) ? json_copy((json_t *)evalue) : json_string(""));
    return made;
}

json_t *output_checked(const json_t *out)
{
    const char *type = json_str(out, "output_type", "");
    if (strcmp(type, "error") == 0)
        return checked_error(out);
    bool result = strcmp(type, "execute_result") == 0;
    if (!result && strcmp(type, "display_data") != 0)
        return NULL;
    const json_t *data = json_object_get(out, "data"), *meta = json_object_get(out, "metadata");
    if (!json_is_object(data))
        return NULL;
    json_t *made = json_pack("{s:s, s:o}", "output_type", type, "data", output_data(data));
    json_object_set_new(made, "metadata",
                        json_is_object(meta) ? json_incref((json_t *)meta) : json_object());
    if (result) {
        json_int_t n = json_int(out, "execution_count", -1);
        json_object_set_new(made, "execution_count", n >= 0 ? json_integer(n) : json_null());
    }
    return made;
}

size_t output_size(const json_t *j)
{
    size_t n = 8, i;
    const char *key;
    json_t *v;
    switch (json_typeof(j)) {
    case JSON_STRING:
        return n + json_string_length(j);
    case JSON_OBJECT:
        json_object_foreach ((json_t *)j, key, v)
            n += strlen(key) + 4 + output_size(v);
        return n;
    case JSON_ARRAY:
        json_array_foreach (j, i, v)
            n += output_size(v);
        return n;
    case JSON_INTEGER:
    case JSON_REAL:
    case JSON_TRUE:
    case JSON_FALSE:
    case JSON_NULL:
        break;
    }
    return n;
}
