# shellcheck shell=bash
#
# What the parts of the benchmark share: the server copy, private servers,
# the result table, and small helpers.  Sourced by run; never run alone.

BENCH=test/bench

# ---------------------------------------------------------------------------
# Results
# ---------------------------------------------------------------------------

say() { echo "$(date -u +%H:%M:%S) $*" >&2; }

# note TEXT: a line below the table, for what was skipped or fell short
note() { say "$*"; echo "$*" >>"$TMP/notes"; }

# row MEASURE OURS YARDSTICK UNIT YARDSTICK_NAME [AIM]
#
# OURS and YARDSTICK are the figures of the rounds with spaces between, "-" or
# nothing for what was not measured.  The table shows their medians, and as
# ratio the median of each round's ours / yardstick: what slows a round of one
# slows the same round of the other.  AIM is "ratio >= 0.9" or "ours <= 10",
# or several with commas between, and is checked here.
row()
{
	awk -v OFS='\t' -v part="$part" -v what="$1" -v ours="$2" -v yard="$3" \
		-v unit="$4" -v name="$5" -v aim="${6:-}" '
		function number(x) { return x ~ /^-?[0-9.]+(e[-+]?[0-9]+)?$/ }
		function median(v, n,  i, j, t) {
			for (i = 2; i <= n; i++)
				for (j = i; j > 1 && v[j - 1] > v[j]; j--) { t = v[j]; v[j] = v[j - 1]; v[j - 1] = t }
			return n == 0 ? "-" : n % 2 ? v[(n + 1) / 2] : (v[n / 2] + v[n / 2 + 1]) / 2
		}
		function list_median(list,  v, w, i, n, m) {
			n = split(list, v, " ")
			for (i = 1; i <= n; i++) if (number(v[i])) w[++m] = v[i] + 0
			return median(w, m + 0)
		}
		function ratio_median(a, b,  v, w, r, i, n, m) {
			n = split(a, v, " ")
			# figures of other rounds are compared by their medians
			if (split(b, w, " ") != n) {
				n = 1; v[1] = list_median(a); w[1] = list_median(b)
			}
			for (i = 1; i <= n; i++)
				if (number(v[i]) && number(w[i]) && w[i] > 0) r[++m] = v[i] / w[i]
			return median(r, m + 0)
		}
		function show(x, places) {
			if (!number(x)) return x
			return sprintf(places ? "%.3f" : x >= 100 ? "%.0f" : x >= 1 ? "%.2f" : "%.4f", x)
		}
		BEGIN {
			ratio = ratio_median(ours, yard)
			ours = list_median(ours)
			yard = list_median(yard)
			verdict = "-"
			for (i = split(aim, aims, ", "); i > 0; i--) {
				split(aims[i], a, " ")
				value = a[1] == "ratio" ? ratio : ours
				if (!number(value)) continue
				if (a[2] == ">=" ? value + 0 < a[3] + 0 : value + 0 > a[3] + 0) verdict = "short"
				else if (verdict == "-") verdict = "met"
			}
			print part, what, unit, show(ours), show(yard), name, show(ratio, 3), aim == "" ? "-" : aim, verdict
		}' | tee -a "$TMP/rows" | tr '\t' ' ' >&2
}

# column N LINE...: the N-th word of each line, as a list
column() { local n=$1; shift; printf '%s\n' "$@" | awk -v n="$n" '{ print $n }' | tr '\n' ' '; }

# percentiles: reads numbers, one a line; prints "p50 p99 p99.9 max"
percentiles()
{
	sort -g | awk '{ v[NR] = $1 }
		function at(p,  i) { i = int(p * NR); return v[i < p * NR ? i + 1 : i] }
		END { if (NR) print at(0.5), at(0.99), at(0.999), v[NR]; else print "- - - -" }'
}

calc() { awk -v OFMT=%.6g "BEGIN { print $* }"; }

write_report()
{
	local output=$1

	mkdir -p "$(dirname "$output")"
	{
		echo "pg_scheduler benchmark, $(date -u +'%Y-%m-%d %H:%M UTC')"
		echo "commit    $(git describe --always --dirty --tags 2>/dev/null || echo unknown)"
		echo "server    $("$BIN/postgres" --version)"
		echo "machine   $(nproc) x $(sed -n 's/^model name.*: //p' /proc/cpuinfo | sed 1q)," \
			"$(awk '/MemTotal/ { printf "%.0f GiB", $2 / 1048576 }' /proc/meminfo)," \
			"$(uname -sr), data on $(stat -f -c %T "$TMP")"
		echo "load      $(cut -d' ' -f1-3 /proc/loadavg) at the end, $LOAD_BEFORE at the start"
		echo "settings  ${SETTINGS[*]}"
		echo "rounds    $ROUNDS${QUICK:+, quick}; figures and ratios are medians of the rounds"
		echo
		{
			printf 'part\tmeasure\tunit\tours\tyardstick\tyardstick is\tratio\taim\tverdict\n'
			cat "$TMP/rows"
		} | command column -t -s $'\t'
		if [ -s "$TMP/notes" ]; then
			echo
			sed 's/^/note: /' "$TMP/notes"
		fi
	} | tee "$output"
	say "written to $output"
}

# ---------------------------------------------------------------------------
# The server copy, and the processes of this run
# ---------------------------------------------------------------------------

# SETTINGS of every server; a part may add its own
SETTINGS=(shared_buffers=512MB max_worker_processes=64 max_wal_size=4GB fsync=on
	max_connections=100)

prepare()
{
	TMP=$(mktemp -d /tmp/pgsb-XXXXXX)
	chmod 755 "$TMP"
	touch "$TMP/rows" "$TMP/notes" "$TMP/servers"
	LOAD_BEFORE=$(cut -d' ' -f1-3 /proc/loadavg)
	[ "$PG_CONFIG" ] || copy_server
	BIN=$("$PG_CONFIG" --bindir)
	SHARE=$("$PG_CONFIG" --sharedir)
	export PATH="$BIN:$PATH" PGUSER=postgres PGDATABASE=postgres PGPORT=5432
	unset PGOPTIONS PGSERVICE PGPASSWORD
}

# Copy the system's server to build/, where installing disturbs nobody (the
# server finds its files relative to its binary), and install into it.
copy_server()
{
	local from=/usr/lib/postgresql/$PG_VERSION copy=$PWD/build/bench-pg$PG_VERSION/usr

	[ -x "$from/bin/pg_config" ] || { echo "no PostgreSQL $PG_VERSION in $from" >&2; exit 1; }
	if [ ! -d "$copy" ]; then
		mkdir -p "$copy.new"/{lib,share,include}/postgresql
		cp -a "$from" "$copy.new/lib/postgresql/"
		cp -a "/usr/share/postgresql/$PG_VERSION" "$copy.new/share/postgresql/"
		cp -a /usr/include/postgresql "$copy.new/include/"
		ln -s "$("$from/bin/pg_config" --libdir)" "$copy.new/lib/"
		mv "$copy.new" "$copy"
	fi
	PG_CONFIG=$copy/lib/postgresql/$PG_VERSION/bin/pg_config
	make -s with_llvm=no PG_CONFIG="$PG_CONFIG" install >&2
}

# Servers refuse to run as root
as_postgres()
{
	if [ "$(id -u)" = 0 ]; then runuser -u postgres -- "$@"; else "$@"; fi
}

# start_server NAME [setting=value ...]
#
# Makes and starts a server, and points the PG* variables of this shell to it.
start_server()
{
	local dir=$TMP/$1 setting

	shift
	mkdir "$dir"
	[ "$(id -u)" != 0 ] || chown postgres "$dir"
	as_postgres "$BIN/initdb" -D "$dir/data" -U postgres -A trust -E UTF8 --locale=C --no-sync >"$TMP/initdb.log"
	for setting in "listen_addresses=" "unix_socket_directories=$dir" "${SETTINGS[@]}" "$@"; do
		echo "${setting%%=*} = '${setting#*=}'"
	done | as_postgres tee -a "$dir/data/postgresql.conf" >/dev/null
	echo "$dir" >>"$TMP/servers"
	use_server "$dir"
	control_server start
}

use_server() { SERVER=$1; export PGHOST=$1; }

# control_server start | restart | stop
control_server()
{
	as_postgres "$BIN/pg_ctl" -D "$SERVER/data" -l "$SERVER/log" -w -s -m fast "$1" || {
		tail -20 "$SERVER/log" >&2
		return 1
	}
}

stop_servers()
{
	while read -r SERVER; do
		[ ! -f "$SERVER/data/postmaster.pid" ] || control_server stop || true
		[ "$KEEP" ] || rm -rf "$SERVER"
	done <"$TMP/servers"
	: >"$TMP/servers"
}

# What is started up to now lasts until the end of all parts.
keep_servers()
{
	mv "$TMP/servers" "$TMP/lasting_servers"
	: >"$TMP/servers"
}

clean_up()
{
	stop_servers
	if [ -f "$TMP/lasting_servers" ]; then
		mv "$TMP/lasting_servers" "$TMP/servers"
		stop_servers
	fi
	if [ "$KEEP" ]; then say "kept $TMP"; else rm -rf "$TMP"; fi
}

# ---------------------------------------------------------------------------
# SQL
# ---------------------------------------------------------------------------

sql() { psql -XqAt -v ON_ERROR_STOP=1 "$@"; }

# configure setting=value...: for the whole server, as of now
configure()
{
	local setting

	for setting in "$@"; do
		sql -c "ALTER SYSTEM SET ${setting%%=*} = '${setting#*=}'"
	done
	sql -c "SELECT pg_reload_conf()" >/dev/null
}

# cpu_seconds PID...: CPU time that the processes have used, all threads
cpu_seconds()
{
	local pid

	for pid in "$@"; do cat "/proc/$pid/task/"*/schedstat 2>/dev/null || true; done |
		awk '{ total += $1 } END { printf "%.6f", total / 1e9 }'
}

postmaster_pid() { head -1 "$SERVER/data/postmaster.pid"; }

server_pids() { pgrep -P "$(postmaster_pid)" || true; }

# ---------------------------------------------------------------------------
# pg_scheduler
# ---------------------------------------------------------------------------

have_file() { [ -f "$SHARE/extension/$1.control" ]; }

# start_scheduler NAME [setting=value ...]
#
# Starts a server that runs pg_scheduler; false, with a note, when this
# server's pg_scheduler cannot schedule jobs (yet).  The server then runs
# without it, for the yardsticks.
start_scheduler()
{
	local name=$1

	shift
	if have_file pg_scheduler && try_scheduler; then
		start_server "$name" shared_preload_libraries=pg_scheduler \
			pg_scheduler.log_runs=none "$@"
		sql -c "CREATE EXTENSION pg_scheduler"
		OURS=1
	else
		# what belongs to the library would be refused without it
		local rest=() setting
		for setting in "$@"; do
			[[ $setting == pg_scheduler.* ]] || rest+=("$setting")
		done
		start_server "$name" "${rest[@]}"
		note "$part: scheduler.schedule_job does not exist; yardsticks only"
		OURS=
	fi
	sql -f "$BENCH/objects.sql"
}

try_scheduler() { grep -q 'FUNCTION scheduler\.schedule_job' "$SHARE"/extension/pg_scheduler--*.sql; }

# set_workers N: the setting may need a restart
set_workers()
{
	[ "$OURS" ] || return 0
	sql -c "ALTER SYSTEM SET pg_scheduler.max_workers = $1"
	control_server restart
	sql -c "CALL bench.await_scheduler(NULL)" >/dev/null
}

# burst COUNT [ROLES]
#
# Schedules COUNT one-off jobs due at one instant, spread over ROLES roles,
# waits for them and prints runs per second from that instant to the last
# finished_at.  Prints "-", with a note, when the rows written are not exactly
# the runs recorded as succeeded, or when the jobs were not all planned before
# they were due.
burst()
{
	local count=$1 roles=${2:-1} try

	(cron_at_minute)
	# the due instant leaves time to schedule them all
	if [ ! -f "$TMP/schedule_rate" ]; then
		echo 1000 >"$TMP/schedule_rate"
		try_burst 2000 "$roles" >/dev/null || true
	fi
	for try in 1 2 3; do
		try_burst "$count" "$roles" && return
	done
	note "$part: $count jobs were never planned in time"
	echo -
}

# False: they were late.
try_burst()
{
	local count=$1 roles=$2 before rate succeeded rows runs per_second late

	before=$(cat "$TMP/schedule_rate")
	sql -c "TRUNCATE bench.target" -c CHECKPOINT
	IFS='|' read -r rate succeeded rows runs per_second late < <(
		sql -v count="$count" -v roles="$roles" -v per_second="$before" -f "$BENCH/burst.sql")
	# so slow that the instant had passed: nothing was scheduled
	if [ ! "$per_second" ]; then per_second=$(calc "$before / 2") late=late; fi
	echo "$per_second" >"$TMP/schedule_rate"
	[ "$late" != late ] || return 1
	if [ "$succeeded" != "$count" ] || [ "$rows" != "$count" ]; then
		note "$part: $count jobs: $succeeded succeeded of $runs runs, $rows rows written"
		echo -
	else
		echo "$rate"
	fi
}

# start_delays RATE SECONDS: runs interval jobs that make RATE runs per second
# and prints the start delay of each run in milliseconds, one a line
start_delays() { sql -v rate="$1" -v seconds="$2" -f "$BENCH/delay.sql"; }

# ---------------------------------------------------------------------------
# Yardsticks
# ---------------------------------------------------------------------------

# ceiling SESSIONS SECONDS [FILLED]: runs per second of the same writes, by a
# procedure; FILLED true: of a queue that was filled before
ceiling()
{
	local sessions=$1 seconds=$2 filled=${3:-false} per_session

	per_session=$((CEILING_QUEUE / sessions))
	sql -c "CALL bench.fill_queue($CEILING_QUEUE, $filled)" -c CHECKPOINT
	pgbench -n -c "$sessions" -j "$sessions" -t 1 -f "$BENCH/ceiling.pgbench" \
		-D per_session=$per_session -D seconds="$seconds" -D filled="$filled" \
		-D start="$(date -d '+ 0.4 seconds' +%s.%N)" >"$TMP/ceiling.log" 2>&1 ||
		{ cat "$TMP/ceiling.log" >&2; return 1; }
	sql -c "SELECT sum(runs) / extract(epoch FROM max(ended) - min(began))::float8 FROM bench.session"
}

# bare_insert CLIENTS SECONDS: transactions per second of pgbench's INSERT
bare_insert()
{
	pgbench -n -M prepared -c "$1" -j 2 -T "$2" -f "$BENCH/insert.pgbench" 2>/dev/null |
		sed -n 's/^tps = \([0-9.]*\).*/\1/p'
}
