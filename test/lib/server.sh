# server.sh
#	  A PostgreSQL of our own to install into: the packages it comes from, a
#	  private copy of it, and the build of the extension.
#
# Sourced after common.sh.  The system's PostgreSQL is never written to.

# The newest version that is installed, else the one the distribution carries.
default_version()
{
	local version

	version=$(find /usr/lib/postgresql -mindepth 3 -maxdepth 3 \
		-name pg_config 2>/dev/null | cut -d / -f 5 | sort -n | tail -n 1)
	if [ -z "$version" ]; then
		apt_update >&2
		version=$(apt-cache search --names-only '^postgresql-server-dev-[0-9]+$' |
			sed 's/.*dev-\([0-9]*\) .*/\1/' | sort -n | tail -n 1)
	fi
	[ -n "$version" ] || die "no PostgreSQL found, neither installed nor as a package"
	printf '%s\n' "$version"
}

need_server_packages()
{
	need_packages build-essential libcurl4-openssl-dev libssl-dev perl \
		"postgresql-$1" "postgresql-server-dev-$1"
}

# Copy PostgreSQL $1 to SCRATCH/pg and set PG_BIN, PG_CONFIG and PGXS_DIR.  Its
# programs find everything relative to themselves, so that the copy is a whole
# server.  SERVER_ROOT, if set, is where it was installed to in place of the
# root; SERVER_WRAPPER, if set, is a command that the server is run through.
copy_server()
{
	local version=$1 root=$SCRATCH/pg from=${SERVER_ROOT:-} multiarch

	multiarch=$(gcc -print-multiarch)
	mkdir -p "$root/usr/lib/postgresql/$version" "$root/usr/share/postgresql" \
		"$root/usr/include"
	tar -C "$from/usr/lib/postgresql/$version" --exclude=./lib/bitcode -cf - . |
		tar -C "$root/usr/lib/postgresql/$version" -xf -
	if [ -z "$from" ]; then
		cp -a "/usr/share/postgresql/$version" "$root/usr/share/postgresql/"
		ln -s /usr/include/postgresql "$root/usr/include/postgresql"
	fi
	ln -s "/usr/lib/$multiarch" "$root/usr/lib/$multiarch"
	PG_BIN=$root/usr/lib/postgresql/$version/bin
	if [ -n "${SERVER_WRAPPER:-}" ]; then
		wrap postgres '%s "%s" "$@"' "$SERVER_WRAPPER" "$PG_BIN/postgres.real"
		# "restart" would start the program that the server was, past the wrapper.
		wrap pg_ctl '"%s" -p "%s" "$@"' "$PG_BIN/pg_ctl.real" "$PG_BIN/postgres"
	fi
	give "$root"

	PG_CONFIG=$PG_BIN/pg_config
	PGXS_DIR=$root/usr/lib/postgresql/$version/lib/pgxs
	export PG_CONFIG
	export PATH=$PG_BIN:$PATH
}

# Put a shell script in place of program $1, which becomes $1.real.  The rest
# are arguments of printf that make its command.
wrap()
{
	local program=$PG_BIN/$1
	shift

	mv "$program" "$program.real"
	# shellcheck disable=SC2059		# it is a format
	printf "#!/bin/sh\nexec $1\n" "${@:2}" >"$program"
	chmod +x "$program"
}

# Build the working tree in SCRATCH/src and install it into the copy.  Further
# arguments go to make.
build_extension()
{
	copy_tree "$SCRATCH/src"
	give "$SCRATCH/src"
	as_server_user make -C "$SCRATCH/src" -s -j "$(nproc)" with_llvm=no \
		PG_CONFIG="$PG_CONFIG" "$@" all install
}

# A whole, clean surrounding for servers: nothing of the caller's settings.
clean_environment()
{
	local name

	for name in $(compgen -e | grep -E '^(PG|LC_|LANGUAGE$)'); do
		unset "$name"
	done
	export LANG=C.UTF-8
}

# Start a server in directory $1/data with settings file $2, its socket in $1,
# no TCP.  Sets PGHOST, PGUSER and PGDATABASE for clients.
start_server()
{
	export PGHOST=$1 PGUSER=postgres PGDATABASE=postgres

	as_server_user "$PG_BIN/initdb" -D "$1/data" -U postgres -A trust -E UTF8 \
		--no-locale -N >"$1/initdb.log" || { cat "$1/initdb.log"; return 1; }
	as_server_user tee -a "$1/data/postgresql.conf" <"$2" >/dev/null
	as_server_user "$PG_BIN/pg_ctl" -D "$1/data" -l "$1/server.log" -s -w \
		-o "-c listen_addresses='' -c unix_socket_directories='$1'" start ||
		{ tail -n 50 "$1/server.log"; return 1; }
}

stop_server()
{
	as_server_user "$PG_BIN/pg_ctl" -D "$1/data" -s -w -m fast stop
}
