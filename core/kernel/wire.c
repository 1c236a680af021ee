/* SPDX-License-Identifier: Apache-2.0 */
#include "kernel/wire.h"

#include "base/limits.h"
#include "base/mem.h"
#include "kernel/seen.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <string.h>

static const char delimiter[] = "<IDS|MSG>";
enum { DELIMITER_LEN = sizeof delimiter - 1, MAC_LEN = WIRE_SIGNATURE_LEN / 2 };

struct wire {
    EVP_MAC_CTX *mac; /* owned; NULL with an empty key */
    struct seen seen;
};

int wire_new(const char *key, struct wire **ret, struct err *err)
{
    struct wire *w = xnew(struct wire);
    if (*key) {
        EVP_MAC *hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
        w->mac = hmac ? EVP_MAC_CTX_new(hmac) : NULL;
        EVP_MAC_free(hmac);
        char digest[] = "SHA256";
        OSSL_PARAM params[] = {OSSL_PARAM_construct_utf8_string("digest", digest, 0),
                               OSSL_PARAM_construct_end()};
        if (!w->mac || !EVP_MAC_init(w->mac, (const unsigned char *)key, strlen(key), params)) {
            wire_free(w);
            return err_set(err, ERR_SYSTEM, "crypto", "OpenSSL has no HMAC-SHA256");
        }
    }
    *ret = w;
    return 0;
}

void wire_free(struct wire *w)
{
    if (!w)
        return;
    EVP_MAC_CTX_free(w->mac);
    free(w);
}

/* Hex signature of four parts; empty without a key. mac: its raw bytes. */
static void sign(struct wire *w, const struct wire_part *parts, char ret[WIRE_SIGNATURE_LEN + 1],
                 unsigned char mac[MAC_LEN])
{
    static const char hex[] = "0123456789abcdef";
    size_t len = 0;
    ret[0] = '\0';
    if (!w->mac)
        return;
    int ok = EVP_MAC_init(w->mac, NULL, 0, NULL);
    for (int i = 0; i < 4; i++)
        ok = ok && EVP_MAC_update(w->mac, (const unsigned char *)parts[i].data, parts[i].len);
    ok = ok && EVP_MAC_final(w->mac, mac, &len, MAC_LEN);
    if (!ok || len != MAC_LEN)
        abort(); /* a wrong signature would be silence; this cannot fail once a key is set */
    for (size_t i = 0; i < MAC_LEN; i++) {
        ret[2 * i] = hex[mac[i] >> 4];
        ret[2 * i + 1] = hex[mac[i] & 15];
    }
    ret[WIRE_SIGNATURE_LEN] = '\0';
}

static int flaw(struct err *err, const char *text)
{
    return err_set(err, ERR_GUEST, "bad_message", "%s", text);
}

static int check_signature(struct wire *w, const struct wire_part *sent,
                           const struct wire_part *dicts, struct err *err)
{
    char want[WIRE_SIGNATURE_LEN + 1];
    unsigned char mac[MAC_LEN];
    if (!w->mac)
        return 0;
    sign(w, dicts, want, mac);
    if (sent->len != WIRE_SIGNATURE_LEN || CRYPTO_memcmp(sent->data, want, WIRE_SIGNATURE_LEN) != 0)
        return flaw(err, "a message with a wrong signature");
    uint64_t head;
    memcpy(&head, mac, sizeof head);
    return seen_add(&w->seen, head) ? 0 : flaw(err, "a message that was sent twice");
}

static bool deeper_than(const json_t *j, unsigned levels)
{
    const char *key;
    json_t *v;
    size_t i;
    if (!json_is_object(j) && !json_is_array(j))
        return false;
    if (levels == 0)
        return true;
    json_object_foreach ((json_t *)j, key, v) {
        if (deeper_than(v, levels - 1))
            return true;
    }
    json_array_foreach (j, i, v) {
        if (deeper_than(v, levels - 1))
            return true;
    }
    return false;
}

static json_t *parse(const struct wire_part *p, struct err *err)
{
    json_t *j = json_parse_object(p->data, p->len, NULL);
    if (!j) {
        size_t len;
        _cleanup_free_ char *text = wire_repair(p->data, p->len, &len);
        j = json_parse_object(text, len, err);
    }
    if (j && deeper_than(j, WIRE_DEPTH_MAX)) {
        json_decref(j);
        j = NULL;
        flaw(err, "a message that nests too deep");
    }
    return j;
}

static int find_delimiter(const struct wire_part *parts, size_t count, size_t *ret, struct err *err)
{
    size_t total = 0, at = count;
    for (size_t i = 0; i < count; i++) {
        total += parts[i].len;
        if (total > LIMIT_KERNEL_MSG)
            return flaw(err, "a message above the limit of 64 MiB");
        if (at == count && parts[i].len == DELIMITER_LEN &&
            memcmp(parts[i].data, delimiter, DELIMITER_LEN) == 0)
            at = i;
    }
    if (count > WIRE_PARTS_MAX)
        return flaw(err, "a message of too many parts");
    if (count - at < WIRE_ENCODED_PARTS)
        return flaw(err, "a message with parts missing");
    *ret = at;
    return 0;
}

int wire_decode(struct wire *w, const struct wire_part *parts, size_t count, struct wire_msg *ret,
                struct err *err)
{
    size_t at = 0;
    int r = find_delimiter(parts, count, &at, err);
    if (r < 0)
        return r;
    const struct wire_part *dicts = parts + at + 2;
    r = check_signature(w, parts + at + 1, dicts, err);
    if (r < 0)
        return r;
    struct wire_msg m = {.first_buffer = at + WIRE_ENCODED_PARTS};
    json_t **const to[] = {&m.header, &m.parent, &m.metadata, &m.content};
    for (size_t i = 0; i < ARRAY_SIZE(to); i++) {
        *to[i] = parse(&dicts[i], err);
        if (!*to[i]) {
            wire_msg_done(&m);
            if (err)
                err->kind = ERR_GUEST;
            return err_wrap(err, "a message of the kernel");
        }
    }
    m.id = json_str(m.header, "msg_id", "");
    m.type = json_str(m.header, "msg_type", "");
    m.parent_id = json_str(m.parent, "msg_id", "");
    *ret = m;
    return 0;
}

void wire_msg_done(struct wire_msg *m)
{
    json_decref(m->header);
    json_decref(m->parent);
    json_decref(m->metadata);
    json_decref(m->content);
    *m = (struct wire_msg){0};
}

void wire_encode(struct wire *w, const json_t *header, const json_t *parent, const json_t *content,
                 struct wire_out *ret)
{
    const json_t *dicts[] = {header, parent, NULL, content};
    struct wire_part *p = ret->parts;
    p[0] = (struct wire_part){delimiter, DELIMITER_LEN};
    for (size_t i = 0; i < 4; i++) {
        size_t len = 2;
        ret->text[i] = dicts[i] ? json_text(dicts[i], &len) : xstrdup("{}");
        p[2 + i] = (struct wire_part){ret->text[i], len};
    }
    unsigned char mac[MAC_LEN];
    sign(w, p + 2, ret->signature, mac);
    p[1] = (struct wire_part){ret->signature, strlen(ret->signature)};
}

void wire_out_done(struct wire_out *o)
{
    for (size_t i = 0; i < 4; i++)
        free(o->text[i]);
}
