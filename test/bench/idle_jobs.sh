# shellcheck shell=bash
#
# The cost of registered jobs of which none is due for a year: scheduling
# them, the scheduler's memory and CPU, its start, and the start delay of one
# due job among them.

if [ "$QUICK" ]; then counts="10000 100000" seconds=5; else counts="10000 100000 1000000" seconds=10; fi

scheduler_pid()
{
	sql -c "SELECT pid FROM pg_stat_activity WHERE datname = current_database()
			AND backend_type ~ 'scheduler' AND backend_type !~ 'worker|launcher'"
}

# memory_mb PID: its share of what it maps (PSS), shared memory left out
memory_mb()
{
	awk '/^Pss_(Anon|File):/ { kb += $2 } END { printf "%.2f", kb / 1024 }' "/proc/$1/smaps_rollup"
}

idle_cpu_percent()
{
	local pid=$1 before after

	before=$(cpu_seconds "$pid")
	sleep $seconds
	after=$(cpu_seconds "$pid")
	calc "100 * ($after - $before) / $seconds"
}

# After a start, the scheduler looks at all jobs once, in slices.  Wait until it
# has nothing to do, and print the CPU seconds it has taken up to then.
await_idle()
{
	local pid=$1 quiet=0 before after

	after=$(cpu_seconds "$pid")
	while [ $quiet -lt 2 ]; do
		before=$after
		sleep 1
		after=$(cpu_seconds "$pid")
		if [ "$(calc "$after - $before < 0.002")" = 1 ]; then quiet=$((quiet + 1)); else quiet=0; fi
	done
	echo "$after"
}

start_scheduler idle pg_scheduler.max_workers=4
[ "$OURS" ] || exit 0

registered=0
for count in $counts; do
	took=$(printf 'SELECT clock_timestamp() AS began \\gset\n%s\n' "
		SELECT count(scheduler.schedule_job('idle_' || i, '365 days', 'SELECT 1'))
		FROM generate_series($((registered + 1)), $count) AS i \\gset scheduled_
		SELECT extract(epoch FROM clock_timestamp() - :'began')::float8;" | sql)
	row "schedule jobs, up to $count" "$(calc "($count - $registered) / $took")" - jobs/s -
	registered=$count

	control_server restart
	ready=$(sql -c "CALL bench.await_scheduler(NULL)")
	row "server start to first run, $count jobs" \
		"$(sql -c "SELECT extract(epoch FROM '$ready'::timestamptz - pg_postmaster_start_time())::float8")" - s -

	pid=$(scheduler_pid)
	[ "$pid" ] || { note "$part: found no scheduler process in pg_stat_activity"; exit 1; }
	launcher=$(sql -c "SELECT pid FROM pg_stat_activity WHERE backend_type = 'autovacuum launcher'")
	read -r p50 _ _ max < <(start_delays 1 5 | percentiles)
	row "start delay p50 of one job among $count" "$p50" - ms - "ours <= 2"
	row "start delay max of one job among $count" "$max" - ms - "ours <= 10"
	row "scheduler CPU, start and first look at $count jobs" "$(await_idle "$pid")" - s -
	row "scheduler CPU, $count jobs, none due" "$(idle_cpu_percent "$pid")" - "% of a core" - "ours <= 0.1"
	row "scheduler memory, $count jobs" "$(memory_mb "$pid")" "$(memory_mb "$launcher")" \
		MB "autovacuum launcher" "ours <= 64"
done
