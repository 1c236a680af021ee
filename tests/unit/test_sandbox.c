/* SPDX-License-Identifier: Apache-2.0
 *
 * The pure parts of the sandbox: the plan's parser, the texts of /proc and cgroup, the record.
 */
#include "sandbox/caps.h"
#include "sandbox/cgroup.h"
#include "base/ids.h"
#include "sandbox/plan.h"
#include "sandbox/record.h"
#include "sandbox/syscalls.h"
#include "sandbox/verify.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static int parse(const char *text, struct plan *p, struct err *err)
{
    _cleanup_json_ json_t *j = json_parse_object(text, strlen(text), err);
    assert_non_null(j);
    return plan_parse(j, p, err);
}

static void test_plan_full(void **state)
{
    (void)state;
    struct plan p;
    struct err err = ERR_INIT;
    assert_int_equal(
        parse("{\"id\":\"ab1\",\"dir\":\"/s/ab1\",\"hostname\":\"box\",\"network\":\"host\","
              "\"limits\":{\"memory\":1073741824,\"pids\":64,\"cpu\":1.5},\"env\":{\"A\":\"b=c\"},"
              "\"mounts\":[{\"type\":\"bind\",\"src\":\"/m\",\"dst\":\"/models/m0\"},"
              "{\"type\":\"overlay\",\"lower\":[\"/top\",\"/low\"],\"dst\":\"/opt/env\"},"
              "{\"type\":\"tmpfs\",\"dst\":\"/scratch\",\"size\":8192}],"
              "\"files\":[{\"src\":\"/f\",\"dst\":\"/root/f\"}]}",
              &p, &err),
        0);
    assert_string_equal(p.hostname, "box");
    assert_int_equal(p.isolation, PLAN_NAMESPACES);
    assert_int_equal(p.network, PLAN_NET_HOST);
    assert_int_equal(p.memory, 1u << 30);
    assert_int_equal(p.pids, 64);
    assert_true(p.cpu > 1.4 && p.cpu < 1.6);
    assert_string_equal(p.env[0], "A=b=c");
    assert_null(p.env[1]);
    assert_int_equal(p.mount_count, 3);
    assert_false(p.mounts[0].writable);
    assert_string_equal(p.mounts[1].src[1], "/low");
    assert_int_equal(p.mounts[2].size, 8192);
    assert_string_equal(p.files[0].dst, "/root/f");
    plan_done(&p);
    plan_done(&p); /* harmless */
}

#define MIN "\"id\":\"a\",\"dir\":\"/d\""
#define MOUNT(m) "{" MIN ",\"mounts\":[" m "]}"

static void test_plan_bad(void **state)
{
    static const char *const table[] = {
        "{}",
        "{\"id\":\"a\"}",
        "{\"id\":\"A/..\",\"dir\":\"/d\"}",
        "{\"id\":\"\",\"dir\":\"/d\"}",
        "{\"id\":\"a\",\"dir\":\"d\"}",
        "{\"id\":\"a\",\"dir\":\"/d/../e\"}",
        "{\"id\":\"a\",\"dir\":\"/d\\u0000e\"}",
        "{" MIN ",\"walls\":true}",
        "{" MIN ",\"isolation\":\"some\"}",
        "{" MIN ",\"isolation\":1}",
        "{" MIN ",\"network\":\"all\"}",
        "{" MIN ",\"hostname\":\"a b\"}",
        "{" MIN ",\"hostname\":\"-a\"}",
        "{" MIN ",\"hostname\":\"a\\nb\"}",
        "{" MIN ",\"env\":[]}",
        "{" MIN ",\"env\":{\"A=B\":\"c\"}}",
        "{" MIN ",\"env\":{\"\":\"c\"}}",
        "{" MIN ",\"env\":{\"A\":\"b\\u0000c\"}}",
        "{" MIN ",\"env\":{\"A\":1}}",
        "{" MIN ",\"limits\":{\"memory\":-1}}",
        "{" MIN ",\"limits\":{\"memory\":1.5}}",
        "{" MIN ",\"limits\":{\"memory\":\"8G\"}}",
        "{" MIN ",\"limits\":{\"pids\":1}}",
        "{" MIN ",\"limits\":{\"pids\":99999999999}}",
        "{" MIN ",\"limits\":{\"cpu\":0}}",
        "{" MIN ",\"limits\":{\"cpus\":1}}",
        "{" MIN ",\"limits\":[]}",
        "{" MIN ",\"mounts\":{}}",
        MOUNT("1"),
        MOUNT("{\"type\":\"nfs\",\"dst\":\"/x\"}"),
        MOUNT("{\"type\":\"bind\",\"dst\":\"/x\"}"),
        MOUNT("{\"type\":\"bind\",\"src\":\"x\",\"dst\":\"/x\"}"),
        MOUNT("{\"type\":\"bind\",\"src\":\"/x\",\"dst\":\"/x\",\"writable\":1}"),
        MOUNT("{\"type\":\"bind\",\"src\":\"/x\",\"dst\":\"/x\",\"suid\":true}"),
        MOUNT("{\"type\":\"bind\",\"src\":\"/x\",\"dst\":\"/\"}"),
        MOUNT("{\"type\":\"bind\",\"src\":\"/x\",\"dst\":\"//proc/sys\"}"),
        MOUNT("{\"type\":\"bind\",\"src\":\"/x\",\"dst\":\"/dev\"}"),
        MOUNT("{\"type\":\"bind\",\"src\":\"/x\",\"dst\":\"/./proc\"}"),
        MOUNT("{\"type\":\"overlay\",\"lower\":[],\"dst\":\"/x\"}"),
        MOUNT("{\"type\":\"overlay\",\"lower\":[\"x\"],\"dst\":\"/x\"}"),
        MOUNT("{\"type\":\"overlay\",\"lower\":\"/x\",\"dst\":\"/x\"}"),
        MOUNT("{\"type\":\"tmpfs\",\"dst\":\"/x\",\"size\":-5}"),
        "{" MIN ",\"files\":[{\"src\":\"/x\"}]}",
        "{" MIN ",\"files\":[{\"src\":\"/x\",\"dst\":\"/dev/sda\"}]}",
        "{" MIN ",\"files\":[{\"src\":\"/x\",\"dst\":\"/y\",\"mode\":1}]}",
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
        struct plan p = {0};
        struct err err = ERR_INIT;
        if (parse(table[i], &p, &err) == 0)
            fail_msg("accepted: %s", table[i]);
        assert_int_equal(err.kind, ERR_USER);
        assert_null(p.dir);
    }
}

static const char V1_MOUNTS[] =
    "31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw,mode=755\n"
    "32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n"
    "35 31 0:32 /docker/x /sys/fs/cgroup/me\\040mory rw shared:5 master:2 - cgroup cgroup "
    "rw,memory\n"
    "41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n";
static const char V1_GROUPS[] = "8:pids:/\n4:memory:/docker/x/job\n2:cpu,cpuacct:/\n"
                                "1:name=systemd:/u\n0::/user.slice/s.scope\n";

static void found(const char *mounts, const char *groups, const char *controller,
                  const char *expected)
{
    char *path = NULL;
    int r = cgroup_find(mounts, groups, controller, &path);
    assert_int_equal(r, expected ? 0 : -ENOENT);
    if (expected)
        assert_string_equal(path, expected);
    free(path);
}

static void test_cgroup_find(void **state)
{
    (void)state;
    found(V1_MOUNTS, V1_GROUPS, "memory", "/sys/fs/cgroup/me mory/job");
    found(V1_MOUNTS, V1_GROUPS, "cpu", "/sys/fs/cgroup/cpu,cpuacct");
    found(V1_MOUNTS, V1_GROUPS, "cpuacct", "/sys/fs/cgroup/cpu,cpuacct");
    found(V1_MOUNTS, V1_GROUPS, "pids", NULL); /* not mounted */
    found(V1_MOUNTS, V1_GROUPS, "mem", NULL);  /* a part of a name is none */
    found(V1_MOUNTS, V1_GROUPS, NULL, "/sys/fs/cgroup/unified/user.slice/s.scope");
    found("1 2 0:3 / /cg rw - cgroup2 none rw", "0::/../other", NULL, "/cg");
    found("1 2 0:3 /a /cg rw - cgroup2 none rw", "0::/b", NULL, "/cg");
    found("", "", NULL, NULL);
    found("x\n\n- - -\n1 2 3 4 5 6 - cgroup2", ":::\n0::\n0:/\n", NULL, NULL);
    found("1 2 0:3 / /cg\\4 rw - cgroup2 none rw", "0::/", NULL, "/cg\\4");
}

static void test_ids_map(void **state)
{
    (void)state;
    assert_true(ids_map_covers("         0          0 4294967295\n", 1900019712u, 65536));
    assert_false(ids_map_covers("0 100000 65536\n", 1900019712u, 65536));
    assert_true(ids_map_covers("0 0 1\n1900000000 5 1000000\n", 1900019712u, 65536));
    assert_false(ids_map_covers("", 0, 1));
    assert_false(ids_map_covers("nonsense\n\n", 0, 1));
}

static void test_record_started(void **state)
{
    (void)state;
    assert_int_equal(record_started("7 (a) b ) S 1 7 7 0 -1 4 1 0 0 0 0 0 0 0 20 0 1 0 4711 9 9"),
                     4711);
    assert_int_equal(record_started("7 (a"), 0);
    assert_int_equal(record_started(""), 0);
    assert_int_equal(record_started("7 (a) S 1 2"), 0);
}

#define STATUS(nnp, seccomp, eff, uid)                                                             \
    "Name:\tseer-init\nUid:\t" uid "\t" uid "\t" uid "\t" uid "\nCapInh:\t0\nCapPrm:\t" eff        \
    "\nCapEff:\t" eff "\nCapBnd:\t" eff "\nCapAmb:\t0\nNoNewPrivs:\t" nnp "\nSeccomp:\t" seccomp   \
    "\n"

static void test_verify_status(void **state)
{
    (void)state;
    assert_int_equal(verify_status(STATUS("1", "2", "00000000800405fb", "1000"), 1000, NULL), 0);
    assert_true(verify_status(STATUS("0", "2", "00000000800405fb", "1000"), 1000, NULL) < 0);
    assert_true(verify_status(STATUS("1", "0", "00000000800405fb", "1000"), 1000, NULL) < 0);
    assert_true(verify_status(STATUS("1", "2", "00000000a00405fb", "1000"), 1000, NULL) < 0);
    assert_true(verify_status(STATUS("1", "2", "000001ffffffffff", "1000"), 1000, NULL) < 0);
    assert_true(verify_status(STATUS("1", "2", "00000000800405fb", "0"), 1000, NULL) < 0);
    assert_true(verify_status("", 0, NULL) < 0);
}

static void test_filter(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    struct syscall_filter f = {0};
    assert_int_equal(syscalls_make(&f, &err), 0);
    assert_true(f.len > 50 && f.len < BPF_MAXINSNS);
    syscalls_done(&f);
    assert_int_equal(caps_kept() & (1u << 21), 0); /* CAP_SYS_ADMIN */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plan_full),      cmocka_unit_test(test_plan_bad),
        cmocka_unit_test(test_cgroup_find),    cmocka_unit_test(test_ids_map),
        cmocka_unit_test(test_record_started), cmocka_unit_test(test_verify_status),
        cmocka_unit_test(test_filter),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
