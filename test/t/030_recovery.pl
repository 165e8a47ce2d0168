#
# Health, recovery and hooks where processes stop, die and start again.
#
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../perl";

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use SchedulerNode;
use Test::More;

my $node = new_node('recovery', conf => q(
pg_scheduler.monitor_interval = '10ms'
pg_scheduler.metrics_interval = '1s'
));

sub sql
{
	return $node->safe_psql('postgres', $_[0]);
}

sub becomes
{
	my ($query, $name) = @_;

	return ok($node->poll_query_until('postgres', $query), $name);
}

sub scheduler_is
{
	my ($state, $name) = @_;

	return becomes("SELECT scheduler.status() ->> 'state' = '$state'", $name);
}

sub circuit_is
{
	my ($state, $name) = @_;

	return becomes("SELECT state = '$state' FROM scheduler.job_recoveries WHERE job_name = 'work'", $name);
}

# Let a process stand still, or go on.
sub signal_processes
{
	my ($signal, $kind) = @_;

	kill $signal, scheduler_processes($node, $kind);
}

scheduler_is('healthy', 'the scheduler is healthy');

# A job, a queue and the scheduler start.
signal_processes('STOP', 'scheduler');
sql(q(SELECT scheduler.schedule_job('work', '@yearly', 'SELECT 1')));
is(sql(q(SELECT state, reason FROM scheduler.job_health)),
	'starting|the scheduler has not planned the job yet', 'a job is starting until it is planned');
signal_processes('CONT', 'scheduler');
becomes(q(SELECT state = 'healthy' FROM scheduler.job_health), 'and healthy then');
# how long it stood still is not how long its work takes
sql(q(SELECT scheduler.restart()));
wait_for_scheduler($node);
sql(q(SELECT scheduler.stop_queue('default')));
becomes(q(SELECT state = 'stopped' FROM scheduler.queue_health_state), 'a queue is stopped');
signal_processes('STOP', 'scheduler');
sql(q(SELECT scheduler.start_queue('default')));
is(sql(q(SELECT state FROM scheduler.queues)), 'starting', 'a queue is starting until that is noticed');
signal_processes('CONT', 'scheduler');
sql(q(SELECT scheduler.restart()));
becomes(q(SELECT state = 'healthy' FROM scheduler.queues), 'and healthy then');

# No process at all; then one that has to wait while it reads.
my $session = begin_session($node, 'postgres');

signal_processes('STOP', 'launcher');
sql(q(SELECT scheduler.restart()));
scheduler_is('unhealthy', 'without a process the scheduler is unhealthy');
is(sql(q(SELECT scheduler.status() ->> 'reason')), 'there is no scheduler process', 'and says why');
$session->query_safe('BEGIN; LOCK TABLE scheduler.job_state IN ACCESS EXCLUSIVE MODE');
signal_processes('CONT', 'launcher');
scheduler_is('starting', 'it is starting while it reads');
$session->query_safe('COMMIT');
scheduler_is('healthy', 'and healthy when it has');
becomes(q(SELECT count(*) > 0 FROM scheduler.recovery_events WHERE action = 'restart'
	AND reason = 'the scheduler was asked to leave' AND outcome = 'succeeded'), 'the restart is an event');

# Errors, one after the other.
my $offset = -s $node->logfile;
$session->query_safe('BEGIN; LOCK TABLE scheduler.queue IN ACCESS EXCLUSIVE MODE');
sql(q(SELECT scheduler.reload()));
# while it reads the queues: what is done with them besides has errors of its own
ok(wait_until(sub { (() = slurp_file($node->logfile, $offset) =~
				/due to lock timeout.*\n.* QUERY:  SELECT queue_name, enabled/g) >= 2 },
		'two errors are logged'),
	'the scheduler meets an error time after time');
is(sql(q(SELECT state, reason FROM scheduler._scheduler_health())),
	'unhealthy|the scheduler meets errors: canceling statement due to lock timeout', 'it is unhealthy, and says why');
$session->query_safe('COMMIT');
scheduler_is('healthy', 'and healthy again when the cause is gone');
becomes(q(SELECT count(*) >= 2 FROM scheduler.recovery_events WHERE action = 'reload'
	AND reason LIKE '%lock timeout'), 'each reload is an event');

# Whoever has the row of a job locked holds up nobody but this job.
sql(q(
	CREATE TABLE switch (closed boolean);
	INSERT INTO switch VALUES (false);
	CREATE FUNCTION wait_for_switch() RETURNS void LANGUAGE plpgsql AS
	$$BEGIN WHILE NOT (SELECT closed FROM switch) LOOP PERFORM pg_sleep(0.005); END LOOP; END$$;
	SELECT scheduler.alter_job('work', command => 'SELECT 1 / 0');
	SELECT scheduler.schedule_job('other', '@yearly', 'SELECT 1');
	SELECT scheduler.set_recovery('work', error_threshold => 1, restart_delay => '1 hour')));
$session->query_safe(q(BEGIN; SELECT scheduler.alter_job('work', description => 'held')));
$offset = -s $node->logfile;
sql(q(SELECT scheduler.run_job('work')));
becomes(q(SELECT consecutive_failures = 1 FROM scheduler.jobs WHERE job_name = 'work'), 'a locked job fails');
for (1 .. 3)
{
	sql(q(SELECT scheduler.run_job('other')));
	becomes("SELECT succeeded = $_ FROM scheduler.jobs WHERE job_name = 'other'", 'others run meanwhile');
}
is(sql(q(SELECT state FROM scheduler.job_recoveries)), 'closed', 'its circuit stays closed');
$session->query_safe('COMMIT');
circuit_is('open', 'until its row is free');
unlike(slurp_file($node->logfile, $offset), qr/lock timeout/, 'the scheduler has waited for no lock');
$session->query_safe(q(BEGIN; SELECT scheduler.alter_job('work', description => 'again')));
my $event = sql(q(SELECT scheduler.recover((SELECT job_id FROM scheduler.jobs WHERE job_name = 'other'))));
becomes("SELECT outcome = 'succeeded' FROM scheduler.recovery_events WHERE event_id = $event",
	'recover() of another job is answered');
$event = sql(q(SELECT scheduler.recover('work')));
sql(q(SELECT scheduler.run_job('other')));
is(sql("SELECT outcome FROM scheduler.recovery_events WHERE event_id = $event"), 'pending',
	'that of the locked one is pending');
$session->query_safe('COMMIT');
becomes("SELECT outcome = 'succeeded' FROM scheduler.recovery_events WHERE event_id = $event",
	'until its row is free');
$session->quit;

# What is held back stays so over a restart and over a crash.
sql(q(SELECT scheduler.run_job('work')));
circuit_is('open', 'a job is held back');
my $retry_at = sql(q(SELECT retry_at FROM scheduler.job_recoveries));
$node->restart;
scheduler_is('healthy', 'the server was restarted');
is(sql(q(SELECT state, retry_at FROM scheduler.job_recoveries)), "open|$retry_at",
	'the job is still held back, until the same time');
kill_server($node);
start_again($node);
scheduler_is('healthy', 'the server has crashed');
is(sql(q(SELECT state, retry_at FROM scheduler.job_recoveries)), "open|$retry_at",
	'the job is held back after a crash, too');

# A probe that a crash has cut short is done again.
sql(q(SELECT scheduler.alter_job('work', command => 'SELECT wait_for_switch()');
	UPDATE scheduler.job_recovery SET retry_at = now()));
wait_for_running($node, 'work');
kill_server($node);
start_again($node);
wait_for_running($node, 'work');
signal_processes('KILL', 'worker');
wait_until(sub { !defined try_sql($node, 'SELECT 1') or try_sql($node, q(SELECT count(*) = 1 FROM scheduler.recovery_events WHERE action = 'crash')) eq 't' }, 'the server notices');
wait_for_server($node);
becomes(q(SELECT count(*) = 1 FROM scheduler.recovery_events WHERE action = 'crash'
	AND reason = 'the server crashed with 1 run in hand'), 'the crash of a worker is an event');
wait_for_running($node, 'work');
is(sql(q(SELECT state FROM scheduler.job_recoveries)), 'probing', 'the probe goes on after a crash');
sql(q(UPDATE switch SET closed = true));
circuit_is('closed', 'and closes the circuit');
becomes(q(SELECT state = 'active' FROM scheduler.jobs WHERE job_name = 'work'), 'the job is active');
becomes(q(SELECT outcome = 'succeeded' FROM scheduler.recovery_events WHERE action = 'probe'
	ORDER BY event_id DESC LIMIT 1), 'its event says so');

# Hooks: a start of the server is one of its jobs.
sql(q(
	CREATE TABLE log (id bigserial, what text, run_id bigint DEFAULT current_setting('pg_scheduler.run_id')::bigint);
	SELECT scheduler.alter_job('work', command => 'SELECT 1');
	SELECT scheduler.set_hook('work', 'start', $$INSERT INTO log (what) VALUES ('start')$$);
	SELECT scheduler.set_hook('work', 'stop', $$INSERT INTO log (what) VALUES ('stop')$$)));
becomes(q(SELECT count(*) = 1 FROM log), 'the start hook has run');
$node->restart;
becomes(q(SELECT count(*) = 2 FROM log WHERE what = 'start'), 'and again at the start of the server');

# Over crashes each hook is called once, and in turns.
sql(q(TRUNCATE log; SELECT scheduler.pause_job('work')));
becomes(q(SELECT count(*) = 1 FROM log), 'the stop hook has run');
for my $round (1 .. 8)
{
	sql(q(SELECT scheduler.resume_job('work'))) if $round % 2;
	sql(q(SELECT scheduler.pause_job('work'))) if $round % 3;
	sql(q(SELECT scheduler.resume_job('work'))) if $round % 4 > 1;
	kill_server($node);
	start_again($node);
}
scheduler_is('healthy', 'the server has crashed time after time');
sql(q(SELECT scheduler.resume_job('work')));
becomes(q(SELECT (SELECT what = 'start' FROM log ORDER BY id DESC LIMIT 1)
	AND NOT EXISTS (SELECT FROM scheduler.pending_run)), 'the last of its hooks is that of its state');
is(sql(q(SELECT run_id, count(*) FROM log GROUP BY 1 HAVING count(*) <> 1)), '', 'no run of a hook was done twice');
is(sql(q(SELECT count(*) FROM scheduler.runs r FULL JOIN log l USING (run_id)
	WHERE r.triggered_by = 'hook' AND r.status = 'succeeded' AND r.run_id >= (SELECT min(run_id) FROM log)
	AND l.run_id IS NULL)), '0', 'none is recorded that was not');

# A failed attempt and its clean-up are one.
sql(q(
	TRUNCATE log;
	SELECT scheduler.drop_hook('work', 'start'), scheduler.drop_hook('work', 'stop'), scheduler.drop_recovery('work');
	SELECT scheduler.set_hook('work', 'cleanup', $$INSERT INTO log (what) VALUES (($1 ->> 'run_id') || ' ' || ($1 ->> 'attempt'))$$);
	SELECT scheduler.alter_job('work', command => 'SELECT 1 / 0', overlap => 'allow', max_instances => 4,
		max_retries => 1, retry_delay => '1 ms', retry_on => '{all}')));
for (1 .. 5)
{
	sql(q(SELECT scheduler.run_job('work') FROM generate_series(1, 20)));
	kill_server($node);
	start_again($node);
}
becomes(q(SELECT count(*) = 0 FROM scheduler.pending_run), 'all runs are over');
is(sql(q(SELECT count(*), count(DISTINCT what) FROM log)), '200|200', 'each attempt was cleaned up after, once');
is(sql(q(SELECT count(*) FROM scheduler.runs r JOIN log l ON l.what = r.run_id || ' ' || r.attempt
	WHERE r.job_name = 'work' AND r.status = 'failed')), '200', 'those on record');

# What the scheduler does not live to hear of counts for health all the same.
sub end_unheard
{
	my ($result) = @_;

	sql(qq(SELECT scheduler.alter_job('work', command => 'SELECT wait_for_switch(), $result', max_retries => 0);
		UPDATE switch SET closed = false));
	sql(q(SELECT scheduler.run_job('work')));
	wait_for_running($node, 'work');
	signal_processes('STOP', 'scheduler');
	sql(q(UPDATE switch SET closed = true));
	wait_for_quiet($node);
	# whatever it holds, and others wait for: they would outlive the server
	signal_processes('KILL', '');
	kill_server($node);
	start_again($node);
}

sql(q(SELECT scheduler.drop_hook('work', 'cleanup');
	SELECT scheduler.alter_alert_rule('failure_rate', enabled => false)));
becomes(q(SELECT state = 'unhealthy' FROM scheduler.job_health WHERE job_name = 'work'), 'a job that fails is unhealthy');
end_unheard('1');
becomes(q(SELECT state = 'healthy' FROM scheduler.job_health WHERE job_name = 'work'), 'its success is found after a crash');
becomes(q(SELECT count(*) = 0 FROM scheduler.alerts WHERE kind = 'job_failing' AND resolved_at IS NULL),
	'which resolves the alert');
sql(q(SELECT scheduler.alter_alert_rule('job_failing', threshold => 1)));
end_unheard('1 / (SELECT count(*) FROM switch WHERE closed)');
becomes(q(SELECT state = 'unhealthy' FROM scheduler.job_health WHERE job_name = 'work'), 'so is its failure');
becomes(q(SELECT count(*) = 1 FROM scheduler.alerts WHERE kind = 'job_failing' AND resolved_at IS NULL),
	'which raises an alert');
sql(q(SELECT scheduler.reset_alert_rule('job_failing')));

# What a health check has found outlives a crash, and its end is noticed.
sql(q(SELECT scheduler.alter_job('work', command => 'SELECT 1');
	SELECT scheduler.run_job('work');
	UPDATE switch SET closed = false;
	SELECT scheduler.set_health_check('work', 'SELECT closed FROM switch', schedule => '50 milliseconds')));
my $unhealthy = q(SELECT state = 'unhealthy' AND reason = 'the health check returned false'
	FROM scheduler.job_health WHERE job_name = 'work');
becomes($unhealthy, 'a check says no');
becomes(q(SELECT count(*) = 1 FROM scheduler.alerts WHERE kind = 'health_check' AND resolved_at IS NULL), 'which is an alert');
kill_server($node);
start_again($node);
becomes($unhealthy, 'and no after a crash');
sql(q(UPDATE switch SET closed = true));
becomes(q(SELECT state = 'healthy' FROM scheduler.job_health WHERE job_name = 'work'), 'until it says yes');
becomes(q(SELECT count(*) = 0 FROM scheduler.alerts WHERE kind = 'health_check' AND resolved_at IS NULL),
	'the alert is resolved');

# Definitions go with a dump.
sql(q(SELECT scheduler.set_hook('work', 'stop', 'SELECT 2', timeout => '1 minute', max_retries => 2);
	SELECT scheduler.set_recovery('work', 7, '7 minutes', 7, false);
	CREATE DATABASE copy));
$node->safe_psql('copy', 'CREATE EXTENSION pg_scheduler');
wait_for_scheduler($node, 'copy');
my $dump = PostgreSQL::Test::Utils::tempdir() . '/dump';
$node->command_ok([ 'pg_dump', '-Fc', '-f', $dump, 'postgres' ], 'pg_dump');
$node->command_ok([ 'pg_restore', '--exit-on-error', '-d', 'copy', $dump ], 'pg_restore');
foreach my $query (
	'SELECT job_id, job_name, event, command, timeout, max_retries, hook_job_id FROM scheduler.job_hooks ORDER BY 1, 3',
	'SELECT job_id, query, schedule, timeout, hook_job_id FROM scheduler.health_checks',
	'SELECT job_id, error_threshold, restart_delay, max_restarts, enabled FROM scheduler.job_recoveries',
	'SELECT job_name, serves FROM scheduler.jobs ORDER BY 1')
{
	is($node->safe_psql('copy', $query), sql($query), "restored: $query");
}
$node->safe_psql('copy', q(SELECT scheduler.unschedule_job('work')));
is($node->safe_psql('copy', q(SELECT count(*) FROM scheduler.job WHERE serves IS NOT NULL)), '0',
	'and they go with their job there');

$node->stop;
done_testing();
