#
# What nobody needs any more is deleted, however much of it there is, and
# nothing else; and the jobs of a queue are counted right when there are many.
# There is more of each than fits a slice of a walk.
#
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../perl";

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use SchedulerNode;
use Test::More;

my $node = new_node('retention', conf => q(
pg_scheduler.monitor_interval = '10ms'
pg_scheduler.metrics_interval = '1s'
pg_scheduler.max_workers = 2
));

sub sql
{
	return $node->safe_psql('postgres', $_[0]);
}

sub await
{
	my ($query, $what) = @_;

	ok($node->poll_query_until('postgres', "SELECT ($query)"), $what);
}

sql(q(SELECT scheduler.schedule_job('tick', 'every 1 second', 'SELECT 1')));

#
# Once a minute
#
sql(q(
	INSERT INTO scheduler.job_health_state (job_id, state, reason, since, own_state)
		SELECT -i, 'healthy', '', now(), 'healthy' FROM generate_series(1, 3000) i;
	INSERT INTO scheduler.job_metric
		SELECT -i, 0, 0, 0, 0, 0, '{}' FROM generate_series(1, 3000) i;
	INSERT INTO scheduler.alert (kind, severity, subject, message, first_seen, last_seen, count, resolved_at)
		SELECT 'test', 'info', i::text, '', now(), now(), 1, CASE WHEN i % 2 = 0 THEN now() - interval '1 year' ELSE now() END
		FROM generate_series(1, 6000) i;
	INSERT INTO scheduler.job_minute
		SELECT now() - make_interval(days => i % 10, secs => i / 1000), i, 10, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0
		FROM generate_series(1, 20000) i));
await(q(SELECT count(*) = 0 FROM scheduler.job_health_state WHERE job_id < 0), 'the health of jobs that have gone has gone');
await(q(SELECT count(*) = 0 FROM scheduler.job_metric WHERE job_id < 0), 'so have their metrics');
await(q(SELECT count(*) = 3000 FROM scheduler.alert WHERE kind = 'test'), 'old alerts have gone');
await(q(SELECT min(minute) > now() - interval '23 hours' FROM scheduler.job_minute), 'old minutes have gone');
is(sql(q(SELECT count(*) BETWEEN 2000 AND 2900 FROM scheduler.job_minute)), 't', 'others have not');
# so much has been deleted that the next look is a while off, but for a scheduler that knows nothing of it
sql(q(ALTER SYSTEM SET pg_scheduler.job_metrics_rows = 1500));
$node->reload;
sql(q(SELECT scheduler.restart()));
# the minute that begins just then is one more
await(q(SELECT count(*) BETWEEN 1500 AND 1501 FROM scheduler.job_minute), 'they have when there are too many');
sql(q(ALTER SYSTEM SET pg_scheduler.job_metrics_rows = 0));
$node->reload;
await(q(SELECT count(*) = 0 FROM scheduler.job_minute), 'and none is kept when none is wanted');

#
# Once an hour, and when the scheduler starts
#
sql(q(
	INSERT INTO scheduler.dead_letter (run_id, job_id, job_name, owner, scheduled_at, attempts, definition, died_at)
		SELECT -i, -i, 'gone', 10, now(), 1, '{}', CASE WHEN i % 2 = 0 THEN now() - interval '1 year' ELSE now() END
		FROM generate_series(1, 6000) i;
	INSERT INTO scheduler.recovery_event (at, subject, action, reason, outcome)
		SELECT now() - interval '1 year', 'test', 'reset', '', CASE WHEN i % 2 = 0 THEN 'failed' ELSE 'pending' END
		FROM generate_series(1, 6000) i;
	INSERT INTO scheduler.run_trigger SELECT -i, -i, 10 FROM generate_series(1, 3000) i;
	SET session_replication_role = replica;
	INSERT INTO scheduler.job SELECT r.* FROM (SELECT j, i FROM scheduler.job j, generate_series(1, 1000) i
			WHERE job_name = 'tick') x,
		jsonb_populate_record(x.j, jsonb_build_object('job_id', 1000000 + i, 'job_name', 'request ' || i,
			'kind', 'http', 'schedule', NULL, 'command', NULL, 'request', '{"one_off": true}'::jsonb)) r));
sql(q(SELECT scheduler.restart()));
await(q(SELECT count(*) = 3000 FROM scheduler.dead_letter WHERE job_name = 'gone'), 'old dead letters have gone');
await(q(SELECT count(*) = 3000 FROM scheduler.recovery_event WHERE subject = 'test'), 'old events have, unless they are pending');
await(q(SELECT count(*) = 0 FROM scheduler.run_trigger), 'and what has brought about old runs');
await(q(SELECT count(*) = 0 FROM scheduler.job WHERE job_name ~ 'request'), 'requests that are over have gone');

#
# Jobs that are counted
#
sql(q(
	SELECT scheduler.create_queue('other');
	SELECT scheduler.schedule_job('bad', '@yearly', 'SELECT 1 / 0', queue => 'other');
	SELECT scheduler.schedule_job('good', '@yearly', 'SELECT 1', queue => 'other');
	SELECT count(scheduler.schedule_job('many ' || i, '@yearly', 'SELECT 1')) FROM generate_series(1, 5000) i;
	SELECT scheduler.alter_alert_rule('job_failing', threshold => 1);
	SELECT scheduler.run_job('bad')));
await(q(SELECT reason = '1 of 2 jobs is unhealthy' FROM scheduler.health WHERE scope = 'queue' AND name = 'other'),
	'the jobs of a queue are counted');
sql(q(SELECT scheduler.alter_job('bad', queue => 'default')));
await(q(SELECT reason = '1 of 5002 jobs is unhealthy' FROM scheduler.health WHERE scope = 'queue' AND name = 'default'),
	'so are those of another, as soon as they change');

unlike(slurp_file($node->logfile), qr/ERROR/, 'there was no error');
$node->stop;
done_testing();
