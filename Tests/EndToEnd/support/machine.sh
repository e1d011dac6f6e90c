#!/usr/bin/env bash
# machine.sh FOLDER: becomes systemd on a machine of its own, whose disk is this one's with everything that is written
# kept in memory. Runs in new namespaces (unshare --mount --pid --uts --ipc --net --cgroup); FOLDER is for its mounts.
set -euo pipefail

folder="$1"
mount --make-rprivate /
mount -t tmpfs memory "$folder"
mkdir "$folder"/{written,work,root}
mount -t overlay disk -o "lowerdir=/,upperdir=$folder/written,workdir=$folder/work" "$folder/root"
cd "$folder/root"

# What of the kernel all machines share, it only reads.
mount -t proc proc proc
mount --bind proc/sys proc/sys
mount -o remount,bind,ro proc/sys
mount -t sysfs -o ro sysfs sys
# It would mount the controllers of version 1, and make groups for its services among those of this machine.
mount --bind /dev/null proc/cgroups

if [[ "$(stat --file-system --format=%T /sys/fs/cgroup)" == cgroup2fs ]]; then
  mount -t cgroup2 cgroup sys/fs/cgroup
else
  mount -t tmpfs -o mode=755 cgroup sys/fs/cgroup
  mkdir sys/fs/cgroup/{systemd,unified}
  mount -t cgroup -o none,name=systemd cgroup sys/fs/cgroup/systemd
  mount -t cgroup2 cgroup sys/fs/cgroup/unified
fi

mount -t tmpfs -o mode=755 dev dev
for device in "null 1 3" "zero 1 5" "full 1 7" "random 1 8" "urandom 1 9" "tty 5 0"; do
  read -r name major minor <<<"$device"
  mknod -m 666 "dev/$name" c "$major" "$minor"
done
mkdir dev/shm dev/pts
mount -t devpts -o newinstance,ptmxmode=666 devpts dev/pts
ln -s pts/ptmx dev/ptmx
ln -s /proc/self/fd dev/fd
mount -t tmpfs -o mode=755 run run
mount -t tmpfs -o mode=1777 tmp tmp

# Nothing of what is installed here starts by itself, and nothing that looks for hardware.
mkdir -p run/systemd/system
printf '[Unit]\nRequires=basic.target\nAfter=basic.target\n' >run/systemd/system/machine.target
for unit in dev-hugepages.mount sys-kernel-debug.mount sys-kernel-tracing.mount sys-fs-fuse-connections.mount \
  systemd-modules-load.service systemd-udevd.service timers.target; do
  ln -s /dev/null "run/systemd/system/$unit"
done
# A container's images forbid a package to start its service.
rm -f usr/sbin/policy-rc.d

mkdir -p run/before
pivot_root . run/before
umount --lazy /run/before
# As systemd has it where it boots; what it mounts for credentials comes to the service by way of it.
mount --make-rshared /
# It can neither load a module nor set the clock.
exec env -i container=test PATH=/usr/sbin:/usr/bin:/sbin:/bin \
  setpriv --bounding-set=-sys_module,-sys_time,-sys_boot \
  /lib/systemd/systemd --system --unit=machine.target --log-target=journal --show-status=no
