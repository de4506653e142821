# Sourced: minimal Debian systems, and commands that run inside copies of them. Needs root, for chroot.
# debootstrap makes each system (0.3 GB) with the mirror and the proxy of this machine's apt, again after a week.
#   WEIGHTLIFT_BARE_SYSTEMS   folder of the minimal systems (default: /var/tmp/weightlift-bare)
bare_systems=${WEIGHTLIFT_BARE_SYSTEMS:-/var/tmp/weightlift-bare}
room=  # the current copy
room_binds=()  # folders of this machine that in_room shows under the same path
trap remove_room EXIT

require_root() {
  [ "$(id -u)" = 0 ] || { echo "$1: error: not root; run this script as root, for chroot" >&2; exit 2; }
}

remove_room() {
  [ -z "$room" ] || rm -rf --one-file-system "$room"
  room=
}

# debian_sources: the archives of this machine's apt, as "URI RELEASE COMPONENT".
debian_sources() {
  apt-get indextargets 'Created-By: Packages' --format '$(LABEL) $(REPO_URI) $(RELEASE) $(COMPONENT)' |
    sed -n 's/^Debian\(-Security\)\? //p' | sort -u
}

# make_base SUITE FOLDER
make_base() {
  local proxy= mirror= settings= more=
  if command -v apt-config >/dev/null; then
    eval "$(apt-config shell proxy Acquire::http::Proxy)"
    mirror=$(apt-get indextargets 'Created-By: Packages' --format '$(LABEL) $(REPO_URI)' | sed -n '/^Debian /{s///p;q}')
    more=$(debian_sources | sed -n "/ $1-/s/^/deb /p")  # such as security updates
    settings=$(apt-config dump | grep -E '^Acquire::(https?|Check-|Retries|ForceIP)' || true)
  fi
  rm -rf --one-file-system "$2"
  # Without a mirror debootstrap uses its default. Mounts that it leaves end with the namespace.
  ${proxy:+env http_proxy="$proxy"} unshare --mount debootstrap --variant=minbase "$1" "$2" ${mirror:+"$mirror"} &&
    echo "$more" >>"$2/etc/apt/sources.list" &&
    echo "$settings" >"$2/etc/apt/apt.conf.d/99weightlift" &&
    touch "$2.made"
}

# find_base SUITE: the folder of its minimal system, which is made where it is missing or old.
find_base() {
  local base=$bare_systems/$1
  mkdir -p "$bare_systems"
  if [ -z "$(find "$base.made" -mtime -7 2>/dev/null)" ]; then
    echo "making a minimal $1 system" >&2
    make_base "$1" "$base" >"$base.log" 2>&1 || { tail -n 5 "$base.log" >&2; return 1; }
  fi
  echo "$base"
}

# make_room SUITE [COPY]: copies its minimal system into the folder COPY (default: a temporary one, `room`).
make_room() {
  local base
  base=$(find_base "$1")
  room=${2:-$(mktemp -d "$bare_systems/$1.run.XXXXXX")}
  cp --archive --one-file-system "$base/." "$room/"
  cp -L /etc/resolv.conf /etc/hosts "$room/etc/"
}

# use_cross_room: makes `room` a system that compiles for 64-bit Arm, and keeps it.
use_cross_room() {
  local base=$bare_systems/cross-arm64
  if [ -z "$(find "$base.made" -mtime -7 2>/dev/null)" ]; then
    rm -rf --one-file-system "$base"
    mkdir -p "$base"
    make_room bookworm "$base"
    room_binds=("$PWD")
    in_room "dpkg --add-architecture arm64 && cd '$PWD' && scripts/install-deps cross"
    touch "$base.made"
  fi
  trap - EXIT
  room=$base
}

# in_room COMMAND: runs it in the room; of this machine's environment it gets only the proxies. Its processes and
# mounts end with it.
in_room() {
  local name kept=()
  for name in http_proxy https_proxy no_proxy HTTP_PROXY HTTPS_PROXY NO_PROXY; do
    [ -z "${!name:-}" ] || kept+=("$name=${!name}")
  done
  env -i HOME=/root PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 \
    DEBIAN_FRONTEND=noninteractive "${kept[@]}" unshare --mount --pid --fork --kill-child bash -euc '
      mount -t proc proc "$1/proc"
      mount -t sysfs -o ro sysfs "$1/sys"
      mount --rbind /dev "$1/dev"
      for folder in "${@:3}"; do
        mkdir -p "$1$folder"
        mount --bind "$folder" "$1$folder"
      done
      exec chroot "$1" /bin/bash -euc "$2"' in_room "$room" "$1" "${room_binds[@]}" </dev/null
}

# in_buildah ARGUMENT...: buildah with its images in the folder `storage`.
in_buildah() { buildah --root "$storage/root" --runroot "$storage/run" --storage-driver vfs "$@"; }
