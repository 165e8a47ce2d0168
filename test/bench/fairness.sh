# shellcheck shell=bash
#
# What a role with many due runs costs one with a single run: how many of the
# crowd's runs begin between the moment when the single one becomes due and the
# moment when it begins.  2 workers; runs of 5 ms; also between two queues of a
# role.  The yardstick is one queue in order of due time: everybody before.

if [ "$QUICK" ]; then crowd=10000; else crowd=100000; fi
singles=20

start_scheduler fairness pg_scheduler.max_workers=2
[ "$OURS" ] || return 0
sql <<SQL >/dev/null
CREATE ROLE crowd LOGIN;
CREATE ROLE single LOGIN;
SELECT scheduler.create_queue('other');
SELECT scheduler.schedule_job(name, '@yearly', 'SELECT pg_sleep(0.005)', run_as => role::regrole,
	queue => queue, overlap => 'allow', max_instances => 1000000)
FROM (VALUES ('crowd', 'crowd', 'default'), ('role', 'single', 'default'),
	('queue', 'crowd', 'other')) j (name, role, queue);
SELECT count(scheduler.run_job(job_id)) FROM scheduler.jobs, generate_series(1, $crowd)
WHERE job_name = 'crowd';
SQL

# The scheduler has seen them all.
until [ "$(sql -c "SELECT (scheduler.status() ->> 'pending_runs')::bigint > $crowd / 2")" = t ]; do
	sleep 0.1
done

# overtaken JOB: of each single run, how many of the crowd began while it waited
overtaken()
{
	for ((i = 0; i < singles; i++)); do
		sql <<SQL >/dev/null
SELECT scheduler.run_job(job_id) AS run FROM scheduler.jobs WHERE job_name = '$1' \gset
SELECT scheduler.wait_for_run(:run, '5 minutes');
SQL
	done
	sql <<SQL
SELECT count(c.run_id) FROM scheduler.run_history s
LEFT JOIN scheduler.run_history c ON c.job_name = 'crowd'
	AND c.started_at > s.scheduled_at AND c.started_at < s.started_at
WHERE s.job_name = '$1' GROUP BY s.run_id
SQL
}

for kind in role queue; do
	overtaken "$kind" >"$TMP/overtaken"
	row "runs that begin before one of another $kind, median" \
		"$(percentiles <"$TMP/overtaken" | cut -d' ' -f1)" "$crowd" runs "runs that wait" "ours <= 6"
	row "runs that begin before one of another $kind, worst of $singles" \
		"$(percentiles <"$TMP/overtaken" | cut -d' ' -f4)" "$crowd" runs "runs that wait"
done
