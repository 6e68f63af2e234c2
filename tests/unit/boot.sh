#!/usr/bin/env bash
# Sees the service run for real: boots systemd in namespaces of its own, on an overlay of this machine, and has watch.sh install and try the program.
# usage: boot.sh        MAILWARDEN names the program
# Needs root, overlayfs and systemd. Where that is not to be had it says NOT TESTED and ends with 77; nothing of this machine is changed.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
binary=${MAILWARDEN:-$root/target/debug/mailwarden}

main() {
    [[ $(id -u) == 0 ]] || not_tested "only root may boot a system: sudo make unit"
    [[ -x /lib/systemd/systemd ]] || not_tested "there is no systemd here"
    [[ -x $binary ]] || { echo "no program at $binary: \`make build\` makes it" >&2; exit 1; }
    "$root/tests/deps.sh" dbus dovecot-imapd dovecot-lmtpd openssl python3-aiosmtpd systemd util-linux
    # Not on a tmpfs: names of sealed objects are to reach a disk.
    work=$(mktemp -d "${TMPDIR:-/tmp}/mailwarden-unit.XXXX")
    trap finish EXIT
    lay_out_machine
    boot
    nsenter --target "$init" --mount --pid --net --ipc --uts --cgroup --root --wd /usr/bin/env -i \
        PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/home/technician /bin/bash /home/technician/release/tests/unit/watch.sh
}

# This machine as it is, and whatever is written to it set aside. What would be started here for other reasons stays off.
lay_out_machine() {
    machine=$work/machine
    mkdir "$work"/{up,aside,machine}
    mount -t overlay overlay -o "lowerdir=/,upperdir=$work/up,workdir=$work/aside" "$machine" 2>"$work/mount.log" ||
        not_tested "no overlay of this machine can be mounted: $(<"$work/mount.log")"
    : >"$machine/etc/fstab"
    : >"$machine/etc/machine-id"
    rm -rf "$machine"/etc/systemd/system/*.wants "$machine"/var/log/journal "$machine"/var/lib/mailwarden "$machine"/etc/mailwarden
    ln -sf /dev/null "$machine/etc/systemd/system/timers.target"
    # What a release consists of, laid out as the technician unpacks it.
    rm -rf "$machine/home/technician/release"
    mkdir -p "$machine"/home/technician/release/tests
    cp -r "$root"/{docs,rules,systemd} "$machine/home/technician/release/"
    cp -r "$root"/tests/{demo,unit} "$machine/home/technician/release/tests/"
    install -m 0755 "$binary" "$machine/home/technician/release/mailwarden"
}

boot() {
    cat >"$work/init.sh" <<'INIT'
set -e
mount --make-rprivate /
cd "$1"
mount -t proc proc proc
mount --rbind /dev dev
# Read-only, as in every container: so nothing in it turns a knob of this machine's kernel.
mount -o bind,ro proc/sys proc/sys
mount -t sysfs -o ro sysfs sys
mount -t cgroup2 none sys/fs/cgroup
mount -t tmpfs -o mode=755 tmpfs run
mount -t tmpfs tmpfs tmp
mkdir -p mnt/before
pivot_root . mnt/before
umount -l /mnt/before
# What container managers do too: a credential is mounted by a process aside, and is to be seen by the service.
mount --make-rshared /
ip link set lo up
exec env -i container=lxc PATH=/usr/sbin:/usr/bin /lib/systemd/systemd --system --unit=basic.target --log-target=journal --show-status=0
INIT
    timeout --signal=KILL 600 unshare --fork --pid --mount --net --uts --ipc --cgroup --kill-child /bin/bash "$work/init.sh" "$machine" \
        >"$work/boot.log" 2>&1 &
    outside=$!
    for _ in {1..300}; do
        kill -0 "$outside" 2>/dev/null || not_tested "systemd does not boot in namespaces here: $(<"$work/boot.log")"
        init=$(first_of "$outside")
        if [[ -n $init && -S /proc/$init/root/run/systemd/private ]]; then return; fi
        sleep 0.1
    done
    not_tested "systemd did not come up within 30 seconds: $(<"$work/boot.log")"
}

# The process that is number 1 in the namespaces: the child of the child of `timeout`.
first_of() {
    local child
    child=$(pgrep -P "$1") && pgrep -P "$child" || true
}

not_tested() {
    echo "NOT TESTED: the systemd unit was not run. $*" >&2
    exit 77
}

finish() {
    local status=$?
    trap - EXIT
    if [[ -n ${init:-} ]]; then kill -KILL "$init" 2>/dev/null || true; fi
    if [[ -n ${outside:-} ]]; then wait "$outside" 2>/dev/null || true; fi
    if mountpoint -q "${machine:-/nowhere}"; then umount -l "$machine"; fi
    rm -rf "$work"
    exit "$status"
}

main
