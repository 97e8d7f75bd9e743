# Sourced after deploy/setup.sh by the scripts here: what they measure with.
# shellcheck shell=bash disable=SC2154 # root is set by those scripts

# install_contenders: those that Debian has, and the tools of the load. Envoy is not in Debian.
install_contenders() {
    install_packages nginx haproxy caddy redis-server wrk gcc libc6-dev python3 python3-cryptography procps openssl
}

# harness MODULE ARGUMENT...: becomes that part of the Python package, under Debian's Python, which has the packages above.
harness() {
    PYTHONPATH="$root/benchmarks" exec /usr/bin/python3 -B -m "harness.$1" "${@:2}"
}
