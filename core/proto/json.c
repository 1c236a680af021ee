/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/json.h"

#include "base/limits.h"
#include "base/mem.h"

#include <stdint.h>
#include <string.h>

/* jansson recurses as deep as the text says, up to 2048 levels; count brackets before it starts. */
static bool too_deep(const char *s, size_t len)
{
    unsigned depth = 0;
    bool in_string = false;
    for (size_t i = 0; i < len; i++) {
        char c = s[i];
        if (in_string) {
            if (c == '\\')
                i++;
            else if (c == '"')
                in_string = false;
        } else if (c == '"') {
            in_string = true;
        } else if (c == '{' || c == '[') {
            if (++depth > LIMIT_JSON_DEPTH)
                return true;
        } else if ((c == '}' || c == ']') && depth) {
            depth--;
        }
    }
    return false;
}

json_t *json_parse_any(const char *data, size_t len, struct err *err)
{
    json_error_t why;
    if (too_deep(data, len)) {
        err_set(err, ERR_USER, "bad_json", "the JSON nests deeper than %d levels",
                LIMIT_JSON_DEPTH);
        return NULL;
    }
    json_t *j =
        json_loadb(data, len, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL | JSON_DECODE_ANY, &why);
    if (!j)
        err_set(err, ERR_USER, "bad_json", "this is not JSON: %s (line %d)", why.text, why.line);
    return j;
}

json_t *json_parse_object(const char *data, size_t len, struct err *err)
{
    json_t *j = json_parse_any(data, len, err);
    if (j && !json_is_object(j)) {
        json_decref(j);
        err_set(err, ERR_USER, "bad_json", "the JSON is not an object");
        return NULL;
    }
    return j;
}

char *json_text(const json_t *j, size_t *ret_len)
{
    char *text = json_dumps(j, JSON_COMPACT | JSON_ENCODE_ANY);
    if (!text)
        text = xstrdup("null"); /* only a value outside JSON, such as a NaN real, gets here */
    if (ret_len)
        *ret_len = strlen(text);
    return text;
}

const char *json_str(const json_t *obj, const char *key, const char *fallback)
{
    const char *s = json_string_value(json_object_get(obj, key));
    return s ? s : fallback;
}

json_int_t json_int(const json_t *obj, const char *key, json_int_t fallback)
{
    const json_t *v = json_object_get(obj, key);
    return json_is_integer(v) ? json_integer_value(v) : fallback;
}

double json_num(const json_t *obj, const char *key, double fallback)
{
    const json_t *v = json_object_get(obj, key);
    return json_is_number(v) ? json_number_value(v) : fallback;
}

bool json_flag(const json_t *obj, const char *key, bool fallback)
{
    const json_t *v = json_object_get(obj, key);
    return json_is_boolean(v) ? json_boolean_value(v) : fallback;
}

/* Length of the valid UTF-8 sequence at s (1..4), 0 when it is not one. */
static size_t utf8_len(const unsigned char *s, size_t left)
{
    if (s[0] < 0x80)
        return 1;
    size_t n = s[0] >= 0xf0 && s[0] < 0xf5   ? 4
               : s[0] >= 0xe0 && s[0] < 0xf0 ? 3
               : s[0] >= 0xc2 && s[0] < 0xe0 ? 2
                                             : 0;
    if (n == 0 || n > left)
        return 0;
    for (size_t i = 1; i < n; i++)
        if ((s[i] & 0xc0) != 0x80)
            return 0;
    if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] >= 0xa0) ||
        (s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] >= 0x90))
        return 0;
    return n;
}

json_t *json_lossy(const char *data, size_t len)
{
    json_t *whole = json_stringn(data, len);
    if (whole)
        return whole;
    char *out = xmalloc(len * 3 + 1);
    size_t at = 0;
    for (size_t i = 0; i < len;) {
        size_t n = utf8_len((const unsigned char *)data + i, len - i);
        if (n) {
            memcpy(out + at, data + i, n);
            at += n;
            i += n;
        } else {
            memcpy(out + at, "\xef\xbf\xbd", 3);
            at += 3;
            i++;
        }
    }
    json_t *j = json_stringn(out, at);
    free(out);
    return j ? j : json_string("");
}

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

json_t *json_base64(const void *data, size_t len)
{
    const unsigned char *p = data;
    char *out = xmalloc((len + 2) / 3 * 4 + 1);
    size_t at = 0;
    for (size_t i = 0; i < len; i += 3) {
        uint32_t v = (uint32_t)p[i] << 16 | (uint32_t)(i + 1 < len ? p[i + 1] : 0) << 8 |
                     (uint32_t)(i + 2 < len ? p[i + 2] : 0);
        out[at++] = alphabet[v >> 18];
        out[at++] = alphabet[v >> 12 & 63];
        out[at++] = i + 1 < len ? alphabet[v >> 6 & 63] : '=';
        out[at++] = i + 2 < len ? alphabet[v & 63] : '=';
    }
    json_t *j = json_stringn_nocheck(out, at);
    free(out);
    return j;
}

static int sextet(char c)
{
    const char *at = c ? strchr(alphabet, c) : NULL;
    return at ? (int)(at - alphabet) : -1;
}

int json_unbase64(const json_t *j, char **ret, size_t *ret_len)
{
    const char *s = json_string_value(j);
    size_t len = s ? json_string_length(j) : 1;
    if (len % 4)
        return -EBADMSG;
    _cleanup_free_ char *out = xmalloc(len / 4 * 3 + 1);
    size_t at = 0;
    for (size_t i = 0; i < len; i += 4) {
        bool last = i + 4 == len;
        int pad = last && s[i + 3] == '=' ? (s[i + 2] == '=' ? 2 : 1) : 0;
        int v[4] = {sextet(s[i]), sextet(s[i + 1]), pad >= 2 ? 0 : sextet(s[i + 2]),
                    pad >= 1 ? 0 : sextet(s[i + 3])};
        if (v[0] < 0 || v[1] < 0 || v[2] < 0 || v[3] < 0)
            return -EBADMSG;
        uint32_t w =
            (uint32_t)v[0] << 18 | (uint32_t)v[1] << 12 | (uint32_t)v[2] << 6 | (uint32_t)v[3];
        out[at++] = (char)(w >> 16);
        if (pad < 2)
            out[at++] = (char)(w >> 8 & 255);
        if (pad < 1)
            out[at++] = (char)(w & 255);
    }
    out[at] = '\0';
    *ret = TAKE_PTR(out);
    *ret_len = at;
    return 0;
}

json_t *json_from_err(const struct err *err)
{
    json_t *j = json_object();
    json_object_set_new(j, "kind", json_string(err_kind_name(err->kind)));
    json_object_set_new(j, "code", json_lossy(err->code, strlen(err->code)));
    json_object_set_new(j, "message", json_lossy(err->msg, strlen(err->msg)));
    if (err->hint[0])
        json_object_set_new(j, "hint", json_lossy(err->hint, strlen(err->hint)));
    return j;
}

void json_to_err(const json_t *j, struct err *ret_err)
{
    err_set(ret_err, err_kind_parse(json_str(j, "kind", "")), json_str(j, "code", "unknown"), "%s",
            json_str(j, "message", "the other side gave no reason"));
    err_hint(ret_err, "%s", json_str(j, "hint", ""));
}
