/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/init_link.h"

#include "base/mem.h"

#include <endian.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

#define HEAD 8u

static uint32_t get32(const char *p)
{
    uint32_t v;
    memcpy(&v, p, sizeof v);
    return le32toh(v);
}

static char *put32(char *p, uint32_t v)
{
    v = htole32(v);
    memcpy(p, &v, sizeof v);
    return p + sizeof v;
}

/* `count` strings from *at; the array is NULL-terminated and owned by the caller. */
static char **take_strings(char **at, const char *end, size_t count)
{
    char **list = xcalloc(count + 1, sizeof *list);
    for (size_t i = 0; i < count; i++) {
        char *nul = memchr(*at, '\0', (size_t)(end - *at));
        if (!nul) {
            free(list);
            return NULL;
        }
        list[i] = *at;
        *at = nul + 1;
    }
    return list;
}

static int parse_spawn(char *packet, size_t len, struct init_msg *m)
{
    if (len < HEAD + 8)
        return -EBADMSG;
    size_t argc = get32(packet + HEAD), envc = get32(packet + HEAD + 4);
    char *at = packet + HEAD + 8;
    const char *end = packet + len;
    /* Each string takes a byte at least: this bounds what the counts make us allocate. */
    if (argc < 1 || argc > len || envc > len || argc + envc + 1 > (size_t)(end - at))
        return -EBADMSG;
    m->argv = take_strings(&at, end, argc);
    m->env = m->argv ? take_strings(&at, end, envc) : NULL;
    char *nul = m->env ? memchr(at, '\0', (size_t)(end - at)) : NULL;
    if (!nul || nul + 1 != end || !m->argv[0][0] || at[0] != '/') {
        init_msg_done(m);
        return -EBADMSG;
    }
    m->cwd = at;
    return 0;
}

static int parse_fixed(const char *packet, size_t len, struct init_msg *m)
{
    static const size_t sizes[] = {
        [INIT_SIGNAL] = 8, [INIT_UP] = 0, [INIT_STARTED] = 4, [INIT_FAILED] = 8, [INIT_EXITED] = 12,
    };
    if (len != HEAD + sizes[m->type])
        return -EBADMSG;
    const char *p = packet + HEAD;
    if (m->type != INIT_UP)
        m->value = (int32_t)get32(p);
    if (m->type == INIT_SIGNAL || m->type == INIT_FAILED)
        m->extra = get32(p + 4);
    if (m->type == INIT_EXITED)
        m->rss_kib = get32(p + 4) | (uint64_t)get32(p + 8) << 32;
    bool good = true;
    if (m->type == INIT_SIGNAL)
        good = m->value > 0 && m->value <= 64 && m->extra <= 1;
    else if (m->type == INIT_UP)
        good = m->job == 0;
    else if (m->type == INIT_STARTED)
        good = m->value > 0;
    else if (m->type == INIT_FAILED)
        good = m->value > 0 && m->value < 4096 && m->extra <= INIT_STEP_EXEC;
    return good ? 0 : -EBADMSG;
}

int init_msg_parse(char *packet, size_t len, struct init_msg *ret)
{
    if (len < HEAD || len > INIT_PACKET_MAX)
        return -EBADMSG;
    uint32_t type = get32(packet);
    if (type < INIT_SPAWN || type > INIT_EXITED)
        return -EBADMSG;
    struct init_msg m = {.type = (enum init_type)type, .job = get32(packet + 4)};
    int r = m.type == INIT_SPAWN ? parse_spawn(packet, len, &m) : parse_fixed(packet, len, &m);
    if (r == 0)
        *ret = m;
    return r;
}

void init_msg_done(struct init_msg *m)
{
    free(m->argv);
    free(m->env);
    m->argv = m->env = NULL;
    m->cwd = NULL;
}

static int send_packet(int control, const void *data, size_t len, const int *fds, size_t nfds)
{
    union {
        struct cmsghdr align;
        char space[CMSG_SPACE(sizeof(int) * INIT_FDS_MAX)];
    } control_data = {0};
    struct iovec iov = {(void *)data, len};
    struct msghdr mh = {.msg_iov = &iov, .msg_iovlen = 1};
    if (nfds) {
        mh.msg_control = control_data.space;
        mh.msg_controllen = CMSG_SPACE(sizeof(int) * nfds);
        struct cmsghdr *c = CMSG_FIRSTHDR(&mh);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(sizeof(int) * nfds);
        memcpy(CMSG_DATA(c), fds, sizeof(int) * nfds);
    }
    ssize_t n;
    do
        n = sendmsg(control, &mh, MSG_NOSIGNAL);
    while (n < 0 && errno == EINTR);
    return n < 0 ? -errno : 0;
}

static size_t strings_size(char *const list[], size_t *ret_count)
{
    size_t size = 0;
    for (*ret_count = 0; list[*ret_count]; (*ret_count)++)
        size += strlen(list[*ret_count]) + 1;
    return size;
}

static char *put_strings(char *p, char *const list[])
{
    for (; *list; list++)
        p = stpcpy(p, *list) + 1;
    return p;
}

int init_spawn(int control, uint32_t job, char *const argv[], char *const env[], const char *cwd,
               const int *fds, size_t nfds, struct err *err)
{
    size_t argc, envc;
    size_t len = HEAD + 8 + strings_size(argv, &argc) + strings_size(env, &envc) + strlen(cwd) + 1;
    if (argc < 1 || !argv[0][0] || cwd[0] != '/' || nfds < 3 || nfds > INIT_FDS_MAX)
        return err_set(err, ERR_USER, "bad_parameter",
                       "a command needs a name, an absolute folder "
                       "and three descriptors at least");
    if (len > INIT_PACKET_MAX) {
        err_set(err, ERR_USER, "bad_parameter",
                "the command line and its environment hold %zu bytes, at most %u are possible", len,
                INIT_PACKET_MAX);
        err_hint(err, "put long input into a file or standard input");
        return -E2BIG;
    }
    _cleanup_free_ char *packet = xmalloc(len);
    char *p = put32(put32(packet, INIT_SPAWN), job);
    p = put32(put32(p, (uint32_t)argc), (uint32_t)envc);
    p = put_strings(put_strings(p, argv), env);
    memcpy(p, cwd, strlen(cwd) + 1);
    int r = send_packet(control, packet, len, fds, nfds);
    return r < 0 ? err_sys(err, -r, "cannot ask the sandbox to start %s", argv[0]) : 0;
}

int init_signal(int control, uint32_t job, int sig, bool group, struct err *err)
{
    int r = init_send(control, INIT_SIGNAL, job, sig, group, 0);
    return r < 0 ? err_sys(err, -r, "cannot ask the sandbox to signal a process") : 0;
}

int init_send(int control, enum init_type type, uint32_t job, int32_t value, uint32_t extra,
              uint64_t rss_kib)
{
    char packet[HEAD + 12];
    char *p = put32(put32(packet, type), job);
    if (type != INIT_UP)
        p = put32(p, (uint32_t)value);
    if (type == INIT_SIGNAL || type == INIT_FAILED)
        p = put32(p, extra);
    if (type == INIT_EXITED)
        p = put32(put32(p, (uint32_t)rss_kib), (uint32_t)(rss_kib >> 32));
    return send_packet(control, packet, (size_t)(p - packet), NULL, 0);
}

/* Collects the descriptors of a packet; more than fit, or a cut control part, is a bad packet. */
static int take_fds(struct msghdr *mh, int *fds, size_t *ret_n)
{
    int r = mh->msg_flags & (MSG_TRUNC | MSG_CTRUNC) ? -EBADMSG : 0;
    *ret_n = 0;
    for (struct cmsghdr *c = CMSG_FIRSTHDR(mh); c; c = CMSG_NXTHDR(mh, c)) {
        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
            continue;
        size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t i = 0; i < n; i++) {
            int fd;
            memcpy(&fd, CMSG_DATA(c) + i * sizeof fd, sizeof fd);
            if (*ret_n < INIT_FDS_MAX) {
                fds[(*ret_n)++] = fd;
            } else {
                close(fd);
                r = -EBADMSG;
            }
        }
    }
    return r;
}

int init_recv(int control, char *buf, struct init_msg *ret, int *ret_fds, size_t *ret_nfds)
{
    union {
        struct cmsghdr align;
        char space[CMSG_SPACE(sizeof(int) * INIT_FDS_MAX)];
    } control_data;
    struct iovec iov = {buf, INIT_PACKET_MAX};
    struct msghdr mh = {.msg_iov = &iov,
                        .msg_iovlen = 1,
                        .msg_control = control_data.space,
                        .msg_controllen = sizeof control_data.space};
    ssize_t n;
    do
        n = recvmsg(control, &mh, MSG_CMSG_CLOEXEC);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return errno == EAGAIN ? 0 : errno == ECONNRESET ? -EPIPE : -errno;
    int fds[INIT_FDS_MAX];
    size_t nfds;
    int r = take_fds(&mh, fds, &nfds);
    if (r == 0 && n == 0)
        r = -EPIPE;
    if (r == 0 && nfds && !ret_fds)
        r = -EBADMSG;
    if (r == 0)
        r = init_msg_parse(buf, (size_t)n, ret);
    if (r < 0) {
        for (size_t i = 0; i < nfds; i++)
            close(fds[i]);
        return r;
    }
    if (ret_fds) {
        memcpy(ret_fds, fds, nfds * sizeof *fds);
        *ret_nfds = nfds;
    }
    return 1;
}
