#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# The walls on cgroup v2, on a machine whose controllers are taken by v1: Debian's User Mode Linux (a
# kernel as a process, package user-mode-linux; kmod for insmod) boots this machine's own files with
# v2 alone and runs the limit tests of tests/integration/test_walls.py in there. Needs root and
# about a minute; run by hand:  tests/cgroup2.sh [pytest -k expression]
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/.."
expression=${1:-limit or failed_start or starter or privileges or nothing_of}
for program in linux.uml insmod mkfs.ext4; do
    command -v "$program" >/dev/null ||
        { echo "$program is missing: apt-get install user-mode-linux kmod e2fsprogs" >&2; exit 1; }
done
overlay=$(find /usr/lib/uml/modules -name overlay.ko | head -n 1)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
truncate -s 2G "$work/disk"
mkfs.ext4 -q -F "$work/disk"
cat >"$work/init" <<INIT
#!/bin/bash
export PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root PYTHONDONTWRITEBYTECODE=1
mount -t proc proc /proc; mount -t sysfs sys /sys
insmod $overlay
mount /dev/ubda /tmp; chmod 1777 /tmp
mkdir -p /dev/pts /dev/shm; mount -t devpts pts /dev/pts; mount -t tmpfs shm /dev/shm
mount -t cgroup2 none /sys/fs/cgroup
ip link set lo up
cd "$PWD"
build/bin/seer-shim --doctor /tmp/cache
.venv/bin/python -m pytest --noconftest -p no:cacheprovider -q -rs tests/integration/test_walls.py \
    -k "$expression" && echo "cgroup v2: all passed"
find /sys/fs/cgroup -name 'seer-*'
halt -f
INIT
chmod +x "$work/init"
timeout 600 linux.uml mem=3000M ubda="$work/disk" root=/dev/root rootfstype=hostfs rootflags=/ rw \
    init="$work/init" con=null con0=fd:0,fd:1 </dev/null 2>&1 | tee "$work/log" | tail -n 30
grep -q "cgroup v2: all passed" "$work/log"
