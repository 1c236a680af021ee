/* SPDX-License-Identifier: Apache-2.0
 *
 * The parts of a browser's request, one a line: path, argument, Cookie, Authorization, Last-Event-ID,
 * Host, Origin; the rest is Markdown.
 */
#include "gateway/markdown.h"
#include "gateway/request.h"

#include "base/id.h"

#include <stdint.h>
#include <string.h>

static const char *next_line(const char **at, size_t *left, size_t *ret_len)
{
    const char *line = *at, *nl = memchr(line, '\n', *left);
    *ret_len = nl ? (size_t)(nl - line) : *left;
    size_t used = nl ? *ret_len + 1 : *ret_len;
    *at += used;
    *left -= used;
    return line;
}

static void must(bool held)
{
    if (!held)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *at = (const char *)data, *line, *host;
    size_t len, host_len, left = size;
    struct request rq = {0};
    line = next_line(&at, &left, &len);
    if (request_set_path(&rq, line, len))
        must(id_valid(rq.sandbox, REQUEST_WORD_MAX) && strlen(rq.path) <= REQUEST_PATH_MAX);
    line = next_line(&at, &left, &len);
    request_set_arg(&rq, line, len);
    line = next_line(&at, &left, &len);
    request_set_cookie(&rq, line, len);
    line = next_line(&at, &left, &len);
    request_set_authorization(&rq, line, len);
    line = next_line(&at, &left, &len);
    request_set_last_event(&rq, line, len);
    must(!rq.token[0] || (rq.token_from != TOKEN_NONE && id_valid(rq.token, REQUEST_WORD_MAX)));
    must(rq.from <= INT64_MAX);
    host = next_line(&at, &left, &host_len);
    line = next_line(&at, &left, &len);
    request_host_ok(host, host_len);
    if (request_origin_ok(line, len, host, host_len))
        must(len == host_len + 7);
    json_decref(markdown_html(at, left));
    return 0;
}
