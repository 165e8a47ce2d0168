# common.sh
#	  What every command under test/ shares: messages, a scratch directory,
#	  the unprivileged user, packages.
#
# Sourced, with "set -euo pipefail" in force.  TOP is the root of the clone.

TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)

say()
{
	printf '%s\n' "$*"
}

die()
{
	printf '%s: %s\n' "${0##*/}" "$*" >&2
	exit 1
}

# Servers refuse to run as root: then everything that starts one runs as the
# user "postgres", which the server packages create.
as_server_user()
{
	if [ "$(id -u)" -eq 0 ]; then
		runuser -u postgres -- env HOME="$SCRATCH" USER=postgres "$@"
	else
		"$@"
	fi
}

# Give a path to that user.
give()
{
	if [ "$(id -u)" -eq 0 ]; then
		chown -R postgres: "$@"
	fi
}

# Make SCRATCH, a directory of the server user, which ends with the command,
# as does every server in it.  Wants the server packages to be there.
make_scratch()
{
	SCRATCH=$(mktemp -d "${TMPDIR:-/tmp}/pg_scheduler.XXXXXX")
	chmod 755 "$SCRATCH"
	give "$SCRATCH"
	trap remove_scratch EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM HUP
}

# Does nothing in a subshell's exit, nor when SCRATCH was kept on purpose.
remove_scratch()
{
	local pidfile

	[ -n "${SCRATCH:-}" ] || return 0
	cd /
	while IFS= read -r pidfile; do
		kill -QUIT "$(head -n 1 "$pidfile")" 2>/dev/null || true
	done < <(find "$SCRATCH" -name postmaster.pid 2>/dev/null)
	# A server may still be writing its last file.
	rm -rf "$SCRATCH" 2>/dev/null || { sleep 1; rm -rf "$SCRATCH"; }
}

# Install those of the named packages that are missing.
need_packages()
{
	local missing=() package

	command -v dpkg-query >/dev/null || return 0	# not Debian: trust the user
	for package in "$@"; do
		dpkg-query -W -f '${Status}\n' "$package" 2>/dev/null |
			grep -q ' installed$' || missing+=("$package")
	done
	[ ${#missing[@]} -gt 0 ] || return 0
	[ "$(id -u)" -eq 0 ] ||
		die "missing packages; as root: apt-get install ${missing[*]}"

	say "# installing ${missing[*]}"
	apt_update
	DEBIAN_FRONTEND=noninteractive apt-get install -qq -y \
		--no-install-recommends "${missing[@]}" >/dev/null </dev/null
}

# apt-get update, once in a command.
apt_update()
{
	[ -z "${APT_UPDATED:-}" ] || return 0
	apt-get update -qq >/dev/null
	APT_UPDATED=yes
}

# Copy the working tree, without what was built in it, to directory $1.
copy_tree()
{
	mkdir -p "$1"
	tar -C "$TOP" --exclude=./.git --exclude=./build --exclude='*.o' \
		--exclude='*.so' --exclude='*.bc' -cf - . | tar -C "$1" --no-same-owner -xf -
}

# Run a command with mounts and processes of its own, which end with it.
contained()
{
	unshare --mount --pid --fork --kill-child --propagation private "$@"
}

# Run a command in the directory $1 as a system of its own, with a clean
# environment.  Only within "contained".
enter_root()
{
	local root=$1
	shift

	mount --bind "$root" "$root"	# a mount, so that "contained" works there
	mount -t proc proc "$root/proc"
	mount --rbind /dev "$root/dev"
	mount -t tmpfs tmpfs "$root/dev/shm"
	exec chroot "$root" /usr/bin/env -i TERM=dumb LANG=C.UTF-8 \
		HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin "$@"
}
