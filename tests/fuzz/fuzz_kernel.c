/* SPDX-License-Identifier: Apache-2.0
 *
 * A message of arbitrary parts (divided by the byte 0x1e) through the decoder, unsigned and with a
 * wrong signature, and what is in it through the makers of records. A record must pass the limits of
 * the journal, and a message encoded again must be the same.
 */
#include "base/limits.h"
#include "kernel/records.h"
#include "kernel/wire.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MUST(x)                                                                                    \
    do {                                                                                           \
        if (!(x))                                                                                  \
            __builtin_trap();                                                                      \
    } while (0)

static void check_record(json_t *take_rec)
{
    if (!take_rec)
        return;
    size_t len;
    char *text = json_text(take_rec, &len);
    json_t *again = json_parse_object(text, len, NULL);
    MUST(again && *json_str(again, "t", ""));
    json_decref(again);
    free(text);
    json_decref(take_rec);
}

static void check_records(const struct wire_msg *m)
{
    json_t *rec = NULL;
    struct err err = ERR_INIT;
    int r = records_make(m->type, m->content, "cell", &rec, &err);
    MUST((r == 1) == (rec != NULL) && (r < 0) == (err.kind != ERR_NONE));
    check_record(rec);
    check_record(records_end(m->content, "cell", true));
    check_record(records_reply_error(m->content, "cell"));
    check_record(records_page(m->content, 0, "cell"));
}

static void check_again(struct wire *w, const struct wire_msg *m)
{
    struct wire_out out;
    struct wire_msg back;
    wire_encode(w, m->header, m->parent, m->content, &out);
    MUST(wire_decode(w, out.parts, WIRE_ENCODED_PARTS, &back, NULL) == 0);
    MUST(json_equal(m->header, back.header) && json_equal(m->content, back.content));
    wire_msg_done(&back);
    wire_out_done(&out);
}

static size_t split(const char *p, size_t size, struct wire_part parts[WIRE_PARTS_MAX + 1])
{
    size_t count = 0;
    for (const char *end = p + size; count <= WIRE_PARTS_MAX; count++) {
        const char *sep = memchr(p, 0x1e, (size_t)(end - p));
        parts[count] = (struct wire_part){p, (size_t)((sep ? sep : end) - p)};
        if (!sep)
            return count + 1;
        p = sep + 1;
    }
    return count;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct wire_part parts[WIRE_PARTS_MAX + 1];
    struct wire *open, *closed;
    struct wire_msg m;
    struct err err = ERR_INIT;
    size_t count = split((const char *)data, size, parts);
    if (wire_new("", &open, NULL) < 0 || wire_new("a key", &closed, NULL) < 0)
        return 0;
    MUST(wire_decode(closed, parts, count, &m, &err) < 0 && err.kind == ERR_GUEST);
    if (wire_decode(open, parts, count, &m, &err) == 0) {
        check_records(&m);
        check_again(open, &m);
        wire_msg_done(&m);
    }
    wire_free(open);
    wire_free(closed);
    return 0;
}
