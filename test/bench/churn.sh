# shellcheck shell=bash
#
# No decay: throughput with a transaction held open throughout, beside another
# server without one; and bursts after millions of runs, beside those before.

if [ "$QUICK" ]; then jobs=10000 seconds=5; else jobs=20000 seconds=30; fi
CEILING_QUEUE=160000

start_scheduler free pg_scheduler.max_workers=8
start_scheduler held pg_scheduler.max_workers=8
if [ "$QUICK" ]; then rounds=$ROUNDS; else rounds=$((ROUNDS + 2)); fi

# One transaction with a snapshot and an id, for as long as the server lives
psql -XqAt -c "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT pg_current_xact_id(); SELECT pg_sleep(3600)" \
	>/dev/null 2>&1 &
until [ "$(sql -c "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'")" = 1 ]; do sleep 0.1; done

# churn SECONDS: jobs of 10 ms, as many as keep the workers busy; how many runs
churn()
{
	sql -c "SELECT count(scheduler.schedule_job('churn_' || i, 'every 10 milliseconds',
				'INSERT INTO bench.target VALUES (1)')) FROM generate_series(1, 600) AS i" >/dev/null
	sleep "$1"
	sql -c "SELECT count(scheduler.unschedule_job(job_id)) FROM scheduler.jobs WHERE job_name LIKE 'churn%'" >/dev/null
	until [ "$(sql -c "SELECT count(*) FROM scheduler.pending_run")" = 0 ]; do sleep 0.1; done
	sql -c "SELECT count(*) FROM scheduler.run_history WHERE job_name LIKE 'churn%' AND status = 'succeeded'"
}

free=() held=() ceilings=()
for ((round = 1; round <= rounds; round++)); do
	use_server "$TMP/free"
	[ ! "$OURS" ] || free+=("$(burst $jobs)")
	use_server "$TMP/held"
	ceilings+=("$(ceiling 8 1)")
	[ ! "$OURS" ] || held+=("$(burst $jobs)")
done
say "no transaction held: ${free[*]}; held: ${held[*]}, ceiling ${ceilings[*]}"
row "8 workers, a transaction held open" "${held[*]}" "${free[*]}" \
	runs/s "without it" "ratio >= 0.9"
row "8 workers, a transaction held open" "${held[*]}" "${ceilings[*]}" \
	runs/s "procedure, the same transaction"

if [ "$OURS" ]; then
	use_server "$TMP/held"
	control_server stop
	use_server "$TMP/free"
	runs=$(churn $seconds)
	# the server's own work after it
	until [ "$(sql -c "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'autovacuum worker'")" = 0 ]; do sleep 0.5; done
	after=()
	for ((round = 1; round <= rounds; round++)); do after+=("$(burst $jobs)"); done
	say "after $runs runs: ${after[*]}"
	row "8 workers, after $runs runs" "${after[*]}" "${free[*]}" \
		runs/s "before them" "ratio >= 0.9"
fi
