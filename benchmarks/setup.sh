# Sourced after deploy/setup.sh by the scripts here: what they measure with.
# shellcheck shell=bash disable=SC2154 # root is set by those scripts

# install_contenders: nginx, HAProxy and wrk from Debian, without the services that their packages would start.
install_contenders() {
    local guard=/usr/sbin/policy-rc.d placed=
    if ! { is_installed nginx && is_installed haproxy && is_installed wrk; } && [[ ! -e $guard ]]; then
        printf '#!/bin/sh\nexit 101\n' | as_root tee "$guard" >/dev/null
        as_root chmod 755 "$guard"
        placed=1
    fi
    # In a subshell, so that the guard goes whether or not it works out.
    local status=0
    (install_packages nginx haproxy wrk python3 procps openssl) || status=$?
    [[ -z $placed ]] || as_root rm -f "$guard"
    return "$status"
}

# harness MODULE ARGUMENT...: becomes that part of the Python package.
harness() {
    PYTHONPATH="$root/benchmarks" exec python3 -B -m "harness.$1" "${@:2}"
}
