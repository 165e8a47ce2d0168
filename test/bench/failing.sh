# shellcheck shell=bash
#
# What judging 5,000 failing jobs, and keeping their alerts, takes from the
# throughput: the same runs with monitoring on and off.  Each run fails, so
# that every job becomes unhealthy and has its alerts raised.  CPU time of
# the scheduler and its workers says the same with less noise.

if [ "$QUICK" ]; then jobs=1000; else jobs=5000; fi
times=5

# failing_round on | off: runs per second, microseconds of CPU time a run, and
# of an alert that was left to raise when the last run was over
failing_round()
{
	local before between rate

	configure "pg_scheduler.monitoring=$1"
	sql -c "DROP EXTENSION IF EXISTS pg_scheduler CASCADE" -c "CREATE EXTENSION pg_scheduler" \
		-c "CALL bench.await_scheduler(NULL)" \
		-c "SELECT scheduler.create_alert_listener('listener', 'alerts')" \
		-c "SELECT count(scheduler.schedule_job('fail_' || i, '@yearly', 'SELECT 1 / 0'))
			FROM generate_series(1, $jobs) AS i" >/dev/null
	sql -c CHECKPOINT
	before=$(server_cpu)
	sql -c "SELECT count(scheduler.run_job(job_id)) FROM scheduler.jobs, generate_series(1, $times)" >/dev/null
	rate=$(sql -c "SELECT bench.await_failures($jobs * $times)")
	between=$(server_cpu)
	if [ "$1" = on ]; then
		sql -c "CALL bench.await_alerts($jobs)"
	fi
	echo "$rate $(calc "($between - $before) / $jobs / $times * 1e6")" \
		"$(calc "($(server_cpu) - $between) / $jobs / 2 * 1e6")"
}

# CPU time of what stays: the waiting session looks on and is left out
server_cpu()
{
	# shellcheck disable=SC2046
	cpu_seconds $(sql -c "SELECT pid FROM pg_stat_activity WHERE backend_type LIKE 'pg_scheduler%'")
}

start_scheduler failing pg_scheduler.max_workers=4
[ "$OURS" ] || exit 0
sql <<'EOF'
-- Runs per second, from the first start to the last end, once all are over.
CREATE FUNCTION bench.await_failures(wanted bigint) RETURNS float8 LANGUAGE plpgsql AS $$
DECLARE
	rate float8;
BEGIN
	LOOP
		SELECT count(*) / extract(epoch FROM max(finished_at) - min(started_at)) INTO rate
			FROM scheduler.run_history WHERE status = 'failed' HAVING count(*) >= wanted;
		EXIT WHEN rate IS NOT NULL;
		PERFORM pg_sleep(1);
	END LOOP;
	RETURN rate;
END
$$;
CREATE PROCEDURE bench.await_alerts(wanted bigint) LANGUAGE plpgsql AS $$
BEGIN
	WHILE (SELECT count(*) FROM scheduler.alerts WHERE kind = 'job_failing' AND resolved_at IS NULL) < wanted LOOP
		COMMIT;
		PERFORM pg_sleep(0.2);
	END LOOP;
END
$$;
EOF

on=() off=()
for ((round = 1; round <= ROUNDS; round++)); do
	on+=("$(failing_round on)")
	off+=("$(failing_round off)")
done
row "$jobs jobs fail $times times each" "$(column 1 "${on[@]}")" "$(column 1 "${off[@]}")" \
	runs/s "monitoring off" "ratio >= 0.9"
row "the same, CPU time of a run" "$(column 2 "${on[@]}")" "$(column 2 "${off[@]}")" \
	us "monitoring off" "ratio <= 1.1"
row "CPU time of each of two alerts a job, afterwards" "$(column 3 "${on[@]}")" - us -
