#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Brings a clone to the state a make target needs: `tools/setup.sh build|dev|asan|fuzz`.
#
#   build  packages to compile, .venv (meson, ninja, uv, the SDK), build/bin
#   dev    build, and what the tests use: their packages and Python modules
#   asan   dev, and build-asan       fuzz   dev, and build-fuzz
#
# Every step leaves a stamp in .stamps/ whose content is a digest of what the step was made from, so
# a second call does nothing and needs no network. One call at a time holds the lock.
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/.."

BUILD_PACKAGES="build-essential pkg-config libwebsockets-dev libuv1-dev libzmq3-dev libjansson-dev
  libsqlite3-dev libseccomp-dev libcap-dev libssl-dev libmd4c-dev libmd4c-html0-dev libcmocka-dev
  python3 python3-venv git"
TEST_PACKAGES="bubblewrap crun clang clang-format libclang-rt-14-dev chromium strace"

say() { printf '%s\n' "seer: $*" >&2; }
die() { say "$*"; exit 1; }

# stamped NAME DIGEST: true when step NAME was done from this very input.
stamped() { [ "$(cat ".stamps/$1" 2>/dev/null)" = "$2" ]; }
stamp() { printf '%s\n' "$2" > ".stamps/$1"; }
digest() { { printf '%s\n' "$PWD" "$@"; } | sha256sum | cut -c1-64; }
digest_files() { sha256sum -- "$@" | sha256sum | cut -c1-64; }

# quietly LOG CMD...: the command's output goes to a log, of which the end is shown when it fails.
quietly() {
    local log=.stamps/$1.log
    shift
    "$@" >"$log" 2>&1 || { tail -n 20 "$log" >&2; die "this failed: $* (all of it is in $log)"; }
}

missing_packages() {
    local package
    for package in "$@"; do
        dpkg-query -W -f '${db:Status-Status}\n' "$package" 2>/dev/null | grep -qx installed ||
            printf '%s ' "$package"
    done
}

packages() { # NAME PACKAGE...
    local name=$1 missing sudo=
    shift
    stamped "$name" "$(digest "$@")" && return
    if ! command -v dpkg-query >/dev/null; then
        say "this is no Debian system: these packages, or what your system calls them, must be there: $*"
    else
        missing=$(missing_packages "$@")
        if [ -n "$missing" ]; then
            if [ "$(id -u)" != 0 ]; then
                sudo="sudo -n"
                $sudo true 2>/dev/null || { [ -t 0 ] && sudo=sudo && command -v sudo >/dev/null; } ||
                    die "these packages are missing and sudo is not available; as root: apt-get install $missing"
            fi
            say "installing $missing"
            quietly apt-update $sudo env DEBIAN_FRONTEND=noninteractive apt-get update -q
            # shellcheck disable=SC2086 # a list of words on purpose
            quietly apt-install $sudo env DEBIAN_FRONTEND=noninteractive \
                apt-get install -q -y --no-install-recommends $missing
        fi
    fi
    stamp "$name" "$(digest "$@")"
}

find_python() {
    local python
    for python in "${PYTHON:-python3}" /usr/bin/python3; do
        if "$python" -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null; then
            command -v "$python"
            return
        fi
    done
    die "no Python 3.10 or newer is on PATH: install python3, or name one with PYTHON=/path/to/python3"
}

python_environment() {
    local python version
    python=$(find_python)
    version=$(digest "$("$python" -c 'import sys; print(sys.version, sys.base_prefix)')" \
        "$(digest_files python/requirements.txt python/pyproject.toml)")
    stamped venv "$version" && [ -x .venv/bin/python ] && return
    say "making .venv"
    rm -rf .venv .stamps/dev-python
    quietly venv "$python" -m venv .venv
    quietly pip .venv/bin/python -m pip install --disable-pip-version-check -q \
        -r python/requirements.txt --config-settings editable_mode=compat -e python
    stamp venv "$version"
}

dev_python() {
    local version
    version=$(digest "$(cat .stamps/venv)" "$(digest_files python/requirements-dev.txt)")
    stamped dev-python "$version" && return
    say "installing the test tools into .venv"
    quietly pip-dev .venv/bin/python -m pip install --disable-pip-version-check -q \
        -r python/requirements-dev.txt
    stamp dev-python "$version"
}

# compile DIR MESON_ARGS...
compile() {
    local dir=$1
    shift
    if [ ! -e "$dir/build.ninja" ]; then
        rm -rf "$dir"
        say "setting up $dir"
        quietly "setup-$dir" .venv/bin/meson setup "$dir" "$@"
    fi
    quietly "compile-$dir" .venv/bin/ninja -C "$dir" ${JOBS:+-j "$JOBS"}
}

link_programs() {
    local program
    for program in seer seerd seer-shim seer-init; do
        [ ! -e "build/bin/$program" ] || ln -sfn "../../build/bin/$program" ".venv/bin/$program"
    done
}

build() {
    # shellcheck disable=SC2086
    packages build-packages $BUILD_PACKAGES
    python_environment
    # ninja is a wrapper script of the wheel: Meson finds it by PATH.
    PATH=$PWD/.venv/bin:$PATH
    compile build --prefix "${PREFIX:-/usr/local}"
    link_programs
}

dev() {
    # shellcheck disable=SC2086
    packages test-packages $TEST_PACKAGES
    build
    dev_python
}

mkdir -p .stamps
exec 9>.stamps/lock
flock 9
case ${1:-} in
build) build ;;
dev) dev ;;
asan)
    dev
    compile build-asan -Db_sanitize=address,undefined -Dbuildtype=debug -Db_lundef=false
    ;;
fuzz)
    dev
    CC=clang compile build-fuzz -Dfuzz=true -Db_sanitize=address,undefined -Dbuildtype=debug \
        -Db_lundef=false
    ;;
*) die "usage: tools/setup.sh build|dev|asan|fuzz" ;;
esac
