# Sourced after deploy/setup.sh by the scripts here: what they measure with.
# shellcheck shell=bash disable=SC2154 # root is set by those scripts

# install_contenders: nginx, HAProxy, Redis and wrk from Debian.
install_contenders() { install_packages nginx haproxy redis-server wrk python3 procps openssl; }

# harness MODULE ARGUMENT...: becomes that part of the Python package.
harness() {
    PYTHONPATH="$root/benchmarks" exec python3 -B -m "harness.$1" "${@:2}"
}
