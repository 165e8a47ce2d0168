#
# Counters of a job are right after a crash, in whichever order its runs have
# ended, and whatever the scheduler had not seen by then.
#
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../perl";

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use SchedulerNode;
use Test::More;

my $node = new_node('counters', conf => 'pg_scheduler.max_workers = 4');

# A run with an argument ends, for its record, before it commits: its commit
# waits for a lock.
$node->safe_psql('postgres', q(
	CREATE TABLE effect (run_id bigint, attempt int, gate bigint);
	CREATE FUNCTION wait_at_commit() RETURNS trigger LANGUAGE plpgsql AS $$
	BEGIN
		PERFORM pg_advisory_xact_lock_shared(NEW.gate);
		RETURN NULL;
	END $$;
	CREATE CONSTRAINT TRIGGER gate AFTER INSERT ON effect DEFERRABLE INITIALLY DEFERRED
		FOR EACH ROW WHEN (NEW.gate IS NOT NULL) EXECUTE FUNCTION wait_at_commit();
	SELECT scheduler.schedule_job('many', '@yearly', $$
		INSERT INTO effect SELECT current_setting('pg_scheduler.run_id')::bigint,
			current_setting('pg_scheduler.attempt')::int, $1::bigint $$,
		overlap => 'allow', max_instances => 4)));

sub counters
{
	return $node->safe_psql('postgres', q(
		SELECT s.runs, s.succeeded, s.failed, s.retries, s.total_duration = (
				SELECT sum(extract(epoch FROM finished_at - started_at) * 1000000)
				FROM scheduler.run_history h WHERE h.job_id = s.job_id)
		FROM scheduler.job_state s JOIN scheduler.job USING (job_id)
		WHERE job_name = 'many'));
}

sub wait_for_counters
{
	my ($expected, $what) = @_;

	wait_until(sub { counters() eq $expected }, $what);
	is(counters(), $expected, $what);
}

sub wait_for_query
{
	my ($query, $what) = @_;

	wait_until(sub { $node->safe_psql('postgres', $query) eq 't' }, $what) or die $what;
}

# Stop the scheduler from seeing what happens, until it is killed.
sub freeze_scheduler
{
	my ($pid) = scheduler_processes($node, 'scheduler');

	kill('STOP', $pid);
	return $pid;
}

sub kill_frozen
{
	my ($pid) = @_;

	kill('KILL', $pid);
	wait_until(sub { !kill(0, $pid) }, 'the scheduler is dead');
	wait_for_server($node);
	wait_for_scheduler($node);
}

# Two gates: one opens before the crash, the other after it.
my $gate = begin_session($node, 'postgres');
$gate->query_safe('SELECT pg_advisory_lock(1)');
$node->safe_psql('postgres', q(
	SELECT scheduler.run_job('many', '1'), scheduler.run_job('many', '1')));
wait_for_query(q(SELECT count(*) = 2 FROM pg_locks
	WHERE locktype = 'advisory' AND NOT granted), 'two runs have all but committed');
$node->safe_psql('postgres', q(SELECT scheduler.run_job('many')));
wait_for_counters('3|1|0|0|t', 'a run that ended later is counted');

my $frozen = freeze_scheduler();
$gate->query_safe('SELECT pg_advisory_unlock(1)');
wait_for_query(q(SELECT count(*) = 3 FROM scheduler.run_history), 'all have ended');
$node->safe_psql('postgres', q(SELECT scheduler.run_job('many')));
is(counters(), '3|1|0|0|f', 'the scheduler has not seen it');
kill_frozen($frozen);
wait_for_counters('4|4|0|0|t', 'each run is counted once');
$gate->quit;

# The same with retries: of an attempt that has been counted, and of one that
# has not, each is counted once.
$gate = begin_session($node, 'postgres');
$gate->query_safe('SELECT pg_advisory_lock(1)');
$node->safe_psql('postgres', q(
	CREATE SEQUENCE attempt;
	SELECT scheduler.alter_job('many', max_retries => 2, retry_delay => '1 ms',
		retry_on => '{raise_exception}', command => $$
		DO $do$
		BEGIN
			IF current_setting('pg_scheduler.attempt') < '2'
				AND (SELECT args FROM scheduler.pending_run
					WHERE run_id = current_setting('pg_scheduler.run_id')::bigint) IS NOT NULL THEN
				RAISE 'again';
			END IF;
			INSERT INTO effect SELECT current_setting('pg_scheduler.run_id')::bigint,
				current_setting('pg_scheduler.attempt')::int, args::bigint
				FROM scheduler.pending_run
				WHERE run_id = current_setting('pg_scheduler.run_id')::bigint;
		END $do$ $$);
	SELECT scheduler.run_job('many', '1')));
wait_for_query(q(SELECT count(*) = 1 FROM pg_locks
	WHERE locktype = 'advisory' AND NOT granted), 'a second attempt has all but committed');
$node->safe_psql('postgres', q(SELECT scheduler.run_job('many')));
wait_for_counters('6|5|1|1|t', 'a run that ended later than a second attempt is counted');
$frozen = freeze_scheduler();
$gate->query_safe('SELECT pg_advisory_unlock(1)');
wait_for_query(q(SELECT count(*) = 7 FROM scheduler.run_history), 'the second attempt has ended');
kill_frozen($frozen);
wait_for_counters('6|6|1|1|t', 'each attempt is counted once');
$gate->quit;

# What is in a ring when everything is read again is counted once.
$gate = begin_session($node, 'postgres');
$gate->query_safe('SELECT pg_advisory_lock(1)');
$node->safe_psql('postgres', q(SELECT scheduler.alter_job('many', command => $$
	INSERT INTO effect SELECT 0, 0, $1::bigint $$);
	SELECT scheduler.run_job('many', '1') FROM generate_series(1, 3)));
wait_for_query(q(SELECT count(*) = 3 FROM pg_locks
	WHERE locktype = 'advisory' AND NOT granted), 'three runs have all but committed');
$node->safe_psql('postgres', q(SELECT scheduler.run_job('many')));
wait_for_counters('10|7|1|1|t', 'a run that ended later is counted');
$frozen = freeze_scheduler();
$gate->query_safe('SELECT pg_advisory_unlock(1)');
wait_for_query(q(SELECT count(*) = 11 FROM scheduler.run_history), 'they have ended');
$node->safe_psql('postgres', 'TRUNCATE scheduler.calendar_window');
kill('CONT', $frozen);
wait_for_counters('10|10|1|1|t', 'each run is counted once when all is read again');
$gate->quit;

# The scheduler has not seen the runs themselves.
$frozen = freeze_scheduler();
$node->safe_psql('postgres', q(
	SELECT scheduler.run_job('many'); SELECT scheduler.run_job('many')));
kill_frozen($frozen);
wait_for_counters('12|12|1|1|t', 'runs that came just before a crash are counted');

# A run that waits is cancelled, which is committed after a later end has been
# counted, and just when the scheduler gives up what it knows.
sub cancel_late
{
	my ($commit, $expected, $what) = @_;
	my $canceller = begin_session($node, 'postgres');

	$gate = begin_session($node, 'postgres');
	$gate->query_safe('SELECT pg_advisory_lock(1)');
	$node->safe_psql('postgres', q(SELECT scheduler.start_queue('closed'); SELECT scheduler.run_job('one')));
	wait_for_running($node, 'one');
	my $run = $node->safe_psql('postgres', q(SELECT scheduler.stop_queue('closed'); SELECT scheduler.run_job('one')));
	wait_for_query(q(SELECT scheduler.status() @> '{"pending_runs": 2}'), 'one run runs, and one waits');
	$canceller->query_safe("BEGIN; SELECT scheduler.cancel_run($run)");
	my $counted = q(SELECT sum(succeeded) FROM scheduler.job_state);
	my $before = $node->safe_psql('postgres', $counted);
	$gate->query_safe('SELECT pg_advisory_unlock(1)');
	wait_for_query("SELECT ($counted) > $before", 'a later end is counted');
	$commit->($canceller);
	my $counters = q(SELECT s.runs, s.succeeded, s.cancelled FROM scheduler.job_state s
		JOIN scheduler.job USING (job_id) WHERE job_name = 'one');
	wait_until(sub { $node->safe_psql('postgres', $counters) eq $expected }, $what);
	is($node->safe_psql('postgres', $counters), $expected, $what);
	$_->quit foreach $gate, $canceller;
}

$node->safe_psql('postgres', q(
	SELECT scheduler.create_queue('closed');
	SELECT scheduler.schedule_job('one', '@yearly', 'SELECT pg_advisory_xact_lock_shared(1)', queue => 'closed')));
cancel_late(sub { $_[0]->query_safe('SELECT scheduler.reload(); COMMIT') },
	'2|1|1', 'a run is counted that was cancelled just before all is read again');
cancel_late(
	sub {
		my $pid = freeze_scheduler();
		$_[0]->query_safe('COMMIT');
		$node->safe_psql('postgres', 'SELECT scheduler.restart()');
		kill('CONT', $pid);
	},
	'4|2|2', 'and one that was cancelled just before the scheduler leaves');

# Runs that come and are cancelled while the scheduler looks elsewhere.
wait_for_scheduler($node);
$frozen = freeze_scheduler();
foreach (1 .. 3)
{
	my $run = $node->safe_psql('postgres', q(SELECT scheduler.run_job('one')));

	$node->safe_psql('postgres', "SELECT scheduler.cancel_run($run)");
}
kill('CONT', $frozen);
my $last = $node->safe_psql('postgres', q(SELECT scheduler.start_queue('closed'); SELECT scheduler.run_job('one')));
$node->safe_psql('postgres', "SELECT scheduler.wait_for_run($last)");
my $counted = q(SELECT s.runs, s.succeeded, s.cancelled FROM scheduler.job_state s
	JOIN scheduler.job USING (job_id) WHERE job_name = 'one');
wait_until(sub { $node->safe_psql('postgres', $counted) eq '8|3|5' }, 'all are counted');
is($node->safe_psql('postgres', $counted), '8|3|5', 'runs that were cancelled before the scheduler has seen them');

$node->stop;
done_testing();
