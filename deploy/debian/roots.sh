# Sourced by deploy/package-test: roots of Debian 12 to install into, and machines that boot from them under systemd.
#
# Everything is in namespaces of its own: nothing is mounted on this machine, and what runs in them ends with the script. The
# roots themselves are kept in .build/package-test, and so are the packages that were fetched for them.
# shellcheck shell=bash
# shellcheck disable=SC2154 # root and script are set by whoever sources this

cache=$root/.build/package-test

# mirror: where this machine gets Debian from.
mirror() {
    # shellcheck disable=SC2016 # apt-get expands it
    apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Codename: bookworm' 'Origin: Debian' 2>/dev/null |
        head -n 1 | grep . || echo http://deb.debian.org/debian
}

# can_isolate: whether this machine lets us make what the tests need.
can_isolate() {
    unshare --mount --pid --fork --cgroup --uts --ipc --net --propagation private \
        bash -c 'mount -t tmpfs tmpfs /mnt && mount -t cgroup2 cgroup2 /mnt' >/dev/null 2>&1
}

# Run within new mount and process namespaces, with the folder of a root, and what is to be run in it.
# shellcheck disable=SC2016 # expanded there
in_namespace='
    set -e
    r=$1
    mount -t proc proc "$r/proc"
    mount -t tmpfs -o mode=755 tmpfs "$r/dev"
    for device in null zero full random urandom tty; do
        touch "$r/dev/$device"
        mount --bind "/dev/$device" "$r/dev/$device"
    done
    ln -s /proc/self/fd "$r/dev/fd"
    ln -s /proc/self/fd/0 "$r/dev/stdin"
    mount --bind "$2" "$r/var/cache/apt/archives"
    shift 2
    exec chroot "$r" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive "$@"
'

# in_folder FOLDER COMMAND...: runs it with that folder as the root, and this machine's network.
in_folder() {
    local folder=$1
    shift
    mkdir -p "$cache/archives/partial"
    unshare --mount --pid --fork --kill-child --propagation private \
        bash -c "$in_namespace" in_namespace "$folder" "$cache/archives" "$@" </dev/null
}

isolated=() # nsenter and its arguments, where in_copy is not to use this machine's network

# in_copy FOLDER COMMAND...: the same on a copy that is gone afterwards; $files is there as /files.
in_copy() {
    local folder=$1
    shift
    mkdir -p "$cache/archives/partial" "$cache/top"
    # shellcheck disable=SC2016
    "${isolated[@]}" unshare --mount --pid --fork --kill-child --propagation private bash -c '
        set -e
        mount -t tmpfs tmpfs "$4"
        mkdir "$4/upper" "$4/work" "$4/root"
        mount -t overlay overlay -o "lowerdir=$2,upperdir=$4/upper,workdir=$4/work" "$4/root"
        mkdir "$4/root/files"
        mount --bind "$5" "$4/root/files"
        top=$4 archives=$3 script=$1
        shift 5
        exec bash -c "$script" in_namespace "$top/root" "$archives" "$@"
    ' in_copy "$in_namespace" "$folder" "$cache/archives" "$cache/top" "$files" "$@" </dev/null
}

# make_roots: `slim`, the packages of debian:bookworm-slim, and `bootable`, the same with systemd.
make_roots() {
    local wanted="systemd systemd-sysv dbus logrotate"
    [[ "$(cat "$cache/roots" 2>/dev/null)" == "$wanted" ]] && return 0
    say "making a root of Debian 12 (once)"
    rm -rf "$cache/slim" "$cache/bootable" "$cache/roots"
    mkdir -p "$cache"
    debootstrap --variant=minbase bookworm "$cache/slim" "$(mirror)" >"$cache/debootstrap.log" 2>&1 ||
        fail "debootstrap: $(tail -n 5 "$cache/debootstrap.log")"
    rm -f "$cache/slim"/var/cache/apt/archives/*.deb
    # Names are looked up as on this machine.
    cp -L /etc/resolv.conf "$cache/slim/etc/resolv.conf"
    cp -a "$cache/slim" "$cache/bootable"
    # shellcheck disable=SC2086 # several words
    in_folder "$cache/bootable" apt-get install -y -qq --no-install-recommends $wanted >"$cache/bootable.log" 2>&1 ||
        fail "apt-get: $(tail -n 5 "$cache/bootable.log")"
    echo "$wanted" >"$cache/roots"
}

# fetch_packages FOLDER PACKAGE...: what is needed to install them there without a network; a name, or a file in /files.
fetch_packages() {
    local folder=$1 command=(apt-get install -y -qq --no-install-recommends --download-only)
    shift
    # The lists in the root are as old as it is; what they name may be no more.
    in_copy "$folder" "${command[@]}" "$@" >"$cache/fetch.log" 2>&1 || {
        in_folder "$folder" apt-get update -qq >>"$cache/fetch.log" 2>&1
        in_copy "$folder" "${command[@]}" "$@" >>"$cache/fetch.log" 2>&1
    } || fail "apt-get: $(tail -n 5 "$cache/fetch.log")"
}

machine=""      # process 1 of the machine that runs, by its number here
machine_parent="" # whose end is its end
machine_group="slidegate-test-$$"

# Run within all new namespaces, with the folder of a root, one to mount on, $files and the packages that were fetched.
# shellcheck disable=SC2016 # expanded there
in_machine='
    set -e
    folder=$1 top=$2 files=$3 archives=$4
    mount -t tmpfs tmpfs "$top"
    mkdir "$top/upper" "$top/work" "$top/root"
    mount -t overlay overlay -o "lowerdir=$folder,upperdir=$top/upper,workdir=$top/work" "$top/root"
    r=$top/root
    mkdir "$r/files" "$r/old"
    mount --bind "$files" "$r/files"
    mount --bind "$archives" "$r/var/cache/apt/archives"
    mount -t proc proc "$r/proc"
    mount -t sysfs -o ro sysfs "$r/sys"
    mount -t cgroup2 cgroup2 "$r/sys/fs/cgroup"
    mount -t tmpfs -o mode=755 tmpfs "$r/run"
    mount -t tmpfs -o mode=1777 tmpfs "$r/tmp"
    mount -t tmpfs -o mode=755 tmpfs "$r/dev"
    for device in null zero full random urandom tty; do
        touch "$r/dev/$device"
        mount --bind "/dev/$device" "$r/dev/$device"
    done
    mkdir "$r/dev/pts" "$r/dev/shm"
    mount -t devpts -o newinstance,ptmxmode=0666,mode=620 devpts "$r/dev/pts"
    ln -s pts/ptmx "$r/dev/ptmx"
    mount -t tmpfs -o mode=1777 tmpfs "$r/dev/shm"
    ln -s /proc/self/fd "$r/dev/fd"
    ln -s /proc/self/fd/0 "$r/dev/stdin"
    ip link set lo up
    hostname machine
    cd "$r"
    pivot_root . old
    umount -l /old
    rmdir /old
    # What one service has mounted for another has to get there: credentials are such a thing.
    mount --make-rshared /
    exec env -i container=slidegate PATH=/usr/sbin:/usr/bin:/sbin:/bin TERM=dumb \
        /usr/lib/systemd/systemd --log-target=journal --show-status=no systemd.unit=multi-user.target
'

# boot FOLDER: starts a machine on a copy of that root, with a network of its own that has nothing but loopback; $files is there
# as /files.
boot() {
    mkdir -p "$cache/archives/partial" "$cache/top" "$cache/group"
    # shellcheck disable=SC2016
    setpriv --pdeathsig KILL unshare --mount --propagation private bash -c '
        set -e
        group=$1 groups=$2 script=$3
        shift 3
        mount -t cgroup2 cgroup2 "$groups"
        mkdir "$groups/$group"
        echo $$ >"$groups/$group/cgroup.procs"
        exec unshare --mount --pid --fork --cgroup --uts --ipc --net --kill-child --propagation private bash -c "$script" boot "$@"
    ' boot "$machine_group" "$cache/group" "$in_machine" "$1" "$cache/top" "$files" "$cache/archives" </dev/null >"$cache/boot.log" 2>&1 &
    machine_parent=$!
    local deadline=$((SECONDS + 60))
    until [[ -n "$machine" ]] && on_machine systemctl is-system-running >"$cache/state" 2>/dev/null; do
        [[ "$(cat "$cache/state" 2>/dev/null)" == degraded ]] && break
        kill -0 "$machine_parent" 2>/dev/null || fail "the machine does not boot: $(tail -n 5 "$cache/boot.log")"
        ((SECONDS < deadline)) || fail "the machine has not booted within a minute ($(cat "$cache/state"))"
        sleep 0.2
        machine=$(tr -d ' ' <"/proc/$machine_parent/task/$machine_parent/children" || true)
    done
}

# on_machine COMMAND...: runs it there.
on_machine() {
    nsenter --target "$machine" --mount --pid --cgroup --uts --ipc --net \
        env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive "$@" </dev/null
}

# on_its_network COMMAND...: a program of this machine, on the network of the other.
on_its_network() { nsenter --target "$machine" --net "$@" </dev/null; }

# halt: ends the machine and whatever runs on it.
halt() {
    [[ -n "$machine_parent" ]] || return 0
    [[ -z "$machine" ]] || kill -KILL "$machine" 2>/dev/null || true
    kill -KILL "$machine_parent" 2>/dev/null || true
    wait "$machine_parent" 2>/dev/null || true
    # shellcheck disable=SC2016
    unshare --mount --propagation private bash -c '
        mount -t cgroup2 cgroup2 "$2"
        # Its processes take a moment to be gone.
        for attempt in $(seq 50); do
            find "$2/$1" -depth -type d -exec rmdir {} + 2>/dev/null
            [[ -e $2/$1 ]] || exit 0
            sleep 0.1
        done
    ' halt "$machine_group" "$cache/group" || true
    machine="" machine_parent=""
}
