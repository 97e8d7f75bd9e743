# Sourced by deploy/start, deploy/test and benchmarks/run: makes a Debian 12 machine with a Swift toolchain able to build.
# shellcheck shell=bash

# What the toolchain needs to run and to link on a bare Debian, then what this program links against.
# shellcheck disable=SC2034 # read by the scripts that source this file
BUILD_PACKAGES=(
    binutils ca-certificates git libc6-dev libcurl4 libgcc-12-dev libncurses6 libsqlite3-0 libstdc++-12-dev libxml2
    libevent-dev libhiredis-dev libsqlite3-dev libssl-dev pkg-config zlib1g-dev
)

# say TEXT: tells the person at the terminal; stdout is left to the program. `script` is set by whoever sources this.
# shellcheck disable=SC2154
say() { printf '%s: %s\n' "$script" "$*" >&2; }

# fail TEXT: says why, and ends the script.
fail() {
    say "error: $*"
    exit 1
}

# is_installed PACKAGE
is_installed() {
    [[ "$(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null)" == installed ]]
}

# as_root COMMAND...
as_root() {
    if ((EUID == 0)); then
        "$@"
    elif command -v sudo >/dev/null; then
        sudo "$@"
    else
        fail "root is needed for: $* (become root, or install sudo)"
    fi
}

# apt_install PACKAGE...: quiet unless it fails.
apt_install() {
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" </dev/null 2>&1
}

# install_packages PACKAGE...: installs those that are missing, without starting the services in them. Says nothing and needs no
# network when there are none.
install_packages() {
    if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
        fail "this script installs with apt-get (Debian 12); elsewhere install the equivalents of: $*"
    fi
    local package missing=()
    for package in "$@"; do
        is_installed "$package" || missing+=("$package")
    done
    ((${#missing[@]} == 0)) && return 0
    say "installing ${missing[*]}"
    local guard=/usr/sbin/policy-rc.d placed='' status=0
    if [[ ! -e $guard ]]; then
        printf '#!/bin/sh\nexit 101\n' | as_root tee "$guard" >/dev/null
        as_root chmod 755 "$guard"
        placed=1
    fi
    # In a subshell, so that the guard goes whether or not it works out.
    (install_missing "${missing[@]}") || status=$?
    [[ -z $placed ]] || as_root rm -f "$guard"
    return "$status"
}

# install_missing PACKAGE...
install_missing() {
    local output
    # Package lists that are absent or out of date show as a failure here, and only then are they fetched.
    if ! output=$(apt_install "$@"); then
        as_root apt-get update -qq </dev/null >&2 || fail "apt-get update failed; missing: $*"
        output=$(apt_install "$@") || fail "apt-get could not install $*:"$'\n'"$output"
    fi
}

# find_swift: puts a toolchain of version 6.3 or later on PATH.
find_swift() {
    local version
    command -v swift >/dev/null || PATH="$PATH:/opt/swift/usr/bin"
    command -v swift >/dev/null || fail "no swift on PATH nor in /opt/swift/usr/bin; get Swift 6.3 from https://swift.org/install"
    version=$(swift --version 2>/dev/null </dev/null) || fail "$(command -v swift) does not run; 'swift --version' shows why"
    [[ "$version" =~ Swift\ version\ ([0-9]+)\.([0-9]+) ]] || fail "cannot read the version of $(command -v swift)"
    ((BASH_REMATCH[1] * 1000 + BASH_REMATCH[2] >= 6003)) ||
        fail "Swift 6.3 or later is needed; $(command -v swift) is ${BASH_REMATCH[1]}.${BASH_REMATCH[2]}"
    export PATH
}

# build_release ROOT: leaves the program at ROOT/.build/release/slidegate. The Swift runtime is linked in, so the file
# runs where no toolchain is; libevent and OpenSSL stay shared, so that security updates reach them.
build_release() {
    say "building the release (minutes the first time, seconds after)"
    swift build --package-path "$1" -c release --product slidegate --static-swift-stdlib </dev/null >&2 ||
        fail "the release does not build"
}
