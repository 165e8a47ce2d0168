#
# What the scheduler does not know of is found and repaired, and said to have
# been; what it is only about to learn is not.
#
# Everything is changed behind the scheduler's back.  The ends of leaders are
# the last that a look at everything reads: who has locked them knows, when
# the scheduler waits for them, that it has looked at the rest.
#
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../perl";

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use SchedulerNode;
use Test::More;

my $node = new_node('repair', conf => "pg_scheduler.repair_interval = '1s'\npg_scheduler.max_workers = 2\n");

sub sql
{
	return $node->safe_psql('postgres', $_[0]);
}

sub await
{
	my ($query, $what) = @_;

	ok($node->poll_query_until('postgres', "SELECT ($query)"), $what);
}

# An alert, open or not any more, that says what was repaired.
sub await_repaired
{
	my ($what) = @_;

	await("SELECT count(*) > 0 FROM scheduler.alerts WHERE kind = 'repaired' AND message = 'repaired $what'",
		"repaired $what");
}

# Make a run of a job that nobody is told of.
sub insert_run
{
	my ($job) = @_;

	return sql(qq(INSERT INTO scheduler.pending_run
			(run_id, job_id, owner, attempt, priority, scheduled_at, due_at, triggered_by, crashes)
		SELECT nextval('scheduler.run_id_seq'), job_id, owner::oid, 1, 0, now(), now(), 'manual', 0
		FROM scheduler.job WHERE job_name = '$job' RETURNING run_id));
}

# Change a job, and nobody is told of that.
sub change_job
{
	my ($job, $set) = @_;

	sql("SET session_replication_role = replica; UPDATE scheduler.job SET $set WHERE job_name = '$job'");
}

my $waiting = q(SELECT count(*) = 1 FROM pg_locks
	WHERE NOT granted AND relation = 'scheduler.leader_end'::regclass);
my $locker = begin_session($node, 'postgres', on_error_stop => 1);

# Stop the scheduler at the end of a look that began after this was called.
sub stop_after_look
{
	for (1 .. 100)
	{
		my $pid = sql(q(SELECT scheduler.status() ->> 'pid'));

		$locker->query_safe('BEGIN; LOCK TABLE scheduler.leader_end IN ACCESS EXCLUSIVE MODE');
		$node->poll_query_until('postgres', $waiting) or die 'the scheduler does not look';
		kill 'STOP', $pid;
		return $pid if sql($waiting) eq 't';	# it has not given up since
		kill 'CONT', $pid;
		$locker->query_safe('ROLLBACK');
	}
	die 'the scheduler cannot be stopped';
}

sub go_on
{
	my ($pid) = @_;

	$locker->query_safe('ROLLBACK');
	kill 'CONT', $pid;
}

sub look_once
{
	go_on(stop_after_look());
}

sub restart_scheduler
{
	my $pid = sql(q(SELECT scheduler.status() ->> 'pid'));

	sql('SELECT scheduler.restart()');
	await("SELECT s ->> 'state' = 'healthy' AND s ->> 'pid' <> '$pid' FROM scheduler.status() s",
		'the scheduler is another one');
}

sql(q(
	SELECT scheduler.create_queue('stopped', enabled => false);
	SELECT scheduler.schedule_job('work', '@yearly', 'SELECT 1');
	SELECT scheduler.schedule_job('other', '@yearly', 'SELECT 1');
	SELECT scheduler.schedule_job('held', '@yearly', 'SELECT 1', queue => 'stopped')));

#
# What is only there for a moment
#
look_once();
my $pid = stop_after_look();
my $run = insert_run('work');
change_job('other', 'schedule_version = schedule_version + 1');
go_on($pid);
$pid = stop_after_look();
sql("DELETE FROM scheduler.pending_run WHERE run_id = $run");
change_job('other', 'schedule_version = schedule_version - 1');
go_on($pid);
look_once();
is(sql(q(SELECT message FROM scheduler.alerts WHERE kind = 'repaired')), '',
	'what was different for a moment is no alert');
unlike(slurp_file($node->logfile), qr/pg_scheduler repair/, 'nor is it in the log');

#
# What is lost
#
$run = insert_run('work');
await_repaired('1 pending runs that the scheduler did not know or that had gone');
await("SELECT status = 'succeeded' FROM scheduler.runs WHERE run_id = $run", 'a run that was not known is done');
like(slurp_file($node->logfile),
	qr/pg_scheduler repair: repaired 1 pending runs.*\n.*DETAIL:  Run $run \(attempt 1\) of job \d+ was pending and not known\./,
	'and the log says so');
await(q(SELECT count(*) = 0 FROM scheduler.alerts WHERE kind = 'repaired' AND resolved_at IS NULL),
	'the alert is over when all is well');

sql(q(SELECT scheduler.clear_alerts()));
$run = sql(q(SELECT scheduler.run_job('held')));
await(q(SELECT scheduler.status() @> '{"pending_runs": 1}'), 'a run is held');
sql("DELETE FROM scheduler.pending_run WHERE run_id = $run");
await(q(SELECT scheduler.status() @> '{"pending_runs": 0}'), 'a run that has gone is forgotten');
like(slurp_file($node->logfile),
	qr/DETAIL:  Run $run \(attempt 1\) of job \d+ was held and is not pending any more\./, 'and the log says which');

change_job('other', q(schedule = '@at 2020-01-01', schedule_version = schedule_version + 1));
await_repaired('1 jobs that had not been planned');
await(q(SELECT next_run_at IS NULL OR next_run_at < '2021-01-01' FROM scheduler.jobs WHERE job_name = 'other'),
	'a change of a schedule has come into force');

sql(q(UPDATE scheduler.job_state SET next_run_at = NULL
	WHERE job_id = (SELECT job_id FROM scheduler.jobs WHERE job_name = 'work')));
restart_scheduler();
await_repaired('1 jobs without a next time');
await(q(SELECT next_run_at > now() FROM scheduler.jobs WHERE job_name = 'work'), 'a job that had lost its next time has one');

# An end that was recorded a while ago, and that nobody has counted
sql(q(INSERT INTO scheduler.run_history (run_id, job_id, job_name, owner, attempt, status, scheduled_at,
		started_at, finished_at, triggered_by, occurrences)
	SELECT nextval('scheduler.run_id_seq'), job_id, job_name, owner::oid, 1, 'failed', now(),
		clock_timestamp(), clock_timestamp(), 'manual', 1
	FROM scheduler.job WHERE job_name = 'work'));
sql(q(ALTER SYSTEM SET pg_scheduler.clock_offset = '10min'));
$node->reload;
await_repaired('1 runs that had not been counted');
await(q(SELECT consecutive_failures = 1 FROM scheduler.jobs WHERE job_name = 'work'), 'a failure that was not counted is');

# What is left of jobs that have gone
sql(q(SET session_replication_role = replica;
	DELETE FROM scheduler.job WHERE job_name = 'held'));
await(q(SELECT count(*) = 0 FROM scheduler.job_state s WHERE NOT EXISTS
	(SELECT FROM scheduler.job j WHERE j.job_id = s.job_id)), 'a state without a job is removed');

#
# recover() does not wait for the next look
#
restart_scheduler();
$pid = stop_after_look();
sql(q(ALTER SYSTEM SET pg_scheduler.repair_interval = '1d'));
$node->reload;
go_on($pid);
$pid = stop_after_look();		# the last
sql(q(UPDATE scheduler.job_state SET next_run_at = NULL
	WHERE job_id = (SELECT job_id FROM scheduler.jobs WHERE job_name = 'work')));
$run = insert_run('work');
go_on($pid);
sql(q(SELECT scheduler.recover('work')));
await(q(SELECT next_run_at > now() FROM scheduler.jobs WHERE job_name = 'work'), 'a job that is recovered has a next time');
await("SELECT status = 'succeeded' FROM scheduler.runs WHERE run_id = $run", 'and its run is done');

$locker->quit;
$node->stop;
done_testing();
