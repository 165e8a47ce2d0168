# Runs that are handed back, or whose job is dropped while somebody has them in
# hand, are neither forgotten nor left behind.  Nothing of it is left to the repair.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../perl";
use IPC::Run;
use PostgreSQL::Test::Utils;
use SchedulerNode;
use Test::More;

my $node = new_node('handed_back', conf => q(
pg_scheduler.max_workers = 2
pg_scheduler.max_workers_per_role = 1
pg_scheduler.repair_interval = 3600
));
my $sql = sub { $node->safe_psql('postgres', $_[0]) };
my $holder = begin_session($node, 'postgres', on_error_stop => 1);

$sql->(q(
	CREATE ROLE one LOGIN;
	CREATE ROLE two LOGIN;
	GRANT one TO two;
	SELECT scheduler.create_queue('closed', enabled => false)));

sub await
{
	my ($query, $what) = @_;

	ok($node->poll_query_until('postgres', "SELECT ($query)"), $what);
}

# Call a function for a job, whoever owns it.
sub call
{
	my ($function, $job, $more) = @_;

	return $sql->("SELECT scheduler.$function(job_id" . ($more // '') . ") FROM scheduler.jobs WHERE job_name = '$job'");
}

# A job whose run waits until the holder lets go of its lock.
sub schedule_waiting
{
	my ($name, $command, $options) = @_;

	$holder->query_safe('SELECT pg_advisory_lock(1)');
	$sql->("SELECT scheduler.schedule_job('$name', 'now', \$\$$command\$\$, run_as => 'one'" . ($options // '') . ')');
	wait_for_running($node, $name);
	return $sql->("SELECT run_id FROM scheduler.runs WHERE job_name = '$name'");
}

sub go_on
{
	$holder->query_safe('SELECT pg_advisory_unlock_all()');
}

# All ends of a run, and nothing is left of it.
sub ends_as
{
	my ($run, $ends, $what) = @_;

	await("SELECT count(*) = 0 FROM scheduler.pending_run WHERE run_id = $run", "$what: it is not pending");
	is($sql->("SELECT string_agg(status, ' ' ORDER BY attempt) FROM scheduler.run_history WHERE run_id = $run"),
		$ends, "$what: all is on record");
	await(q(SELECT scheduler.status() @> '{"pending_runs": 0}'), "$what: the scheduler has forgotten it");
}

my $wait = 'SELECT pg_advisory_xact_lock(1)';
my $terminate = q(SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type = 'pg_scheduler worker');

#
# The job is dropped
#
my $run = schedule_waiting('terminated', $wait);
call('unschedule_job', 'terminated');
$sql->($terminate);
ends_as($run, 'failed', 'a run of a dropped job whose worker is terminated');
go_on();

$run = schedule_waiting('restarted', $wait);
call('unschedule_job', 'restarted');
my ($pid) = scheduler_processes($node, 'scheduler');
$sql->('SELECT scheduler.restart()');
await("SELECT s ->> 'state' = 'healthy' AND s ->> 'pid' <> '$pid' FROM scheduler.status() s", 'the scheduler is another one');
$sql->($terminate);
ends_as($run, 'cancelled', 'a run of a dropped job that the scheduler has never heard of');
go_on();

$run = schedule_waiting('retried', "$wait, 1 / (pg_backend_pid() - pg_backend_pid())",
	", max_retries => 5, retry_delay => '1 day'");
call('unschedule_job', 'retried');
go_on();
ends_as($run, 'failed cancelled', 'a run of a dropped job that has failed');

my $dropper = begin_session($node, 'postgres', on_error_stop => 1);
$sql->(q(SELECT scheduler.schedule_job('raced', '@yearly', 'SELECT 1', queue => 'closed')));
$dropper->query_safe(q(BEGIN; SELECT scheduler.unschedule_job('raced')));
$run = $sql->(q(SELECT scheduler.run_job('raced')));
await(q(SELECT scheduler.status() @> '{"pending_runs": 1}'), 'a run of a job that is being dropped has come');
$dropper->query_safe('COMMIT');
$dropper->quit;
ends_as($run, 'cancelled', 'a run that came while its job was dropped');
is($sql->("SELECT scheduler.wait_for_run($run, '1 minute')"), 'cancelled', 'and nobody waits for it any more');

#
# The job is another role's for a moment
#
schedule_waiting('first', $wait);
$sql->(q(SELECT scheduler.schedule_job('moved', '@yearly', 'SELECT 1', run_as => 'one')));
$run = call('run_job', 'moved');
await(q(SELECT scheduler.status() @> '{"pending_runs": 2}'), 'a run waits for another');
($pid) = scheduler_processes($node, 'scheduler');
kill 'STOP', $pid;
call('alter_job', 'moved', ", run_as => 'two'");
go_on();
await(q(SELECT count(*) = 1 FROM scheduler.runs WHERE job_name = 'first' AND status = 'succeeded'), 'the first run is over');
await(q(SELECT count(*) = 0 FROM scheduler.workers WHERE state = 'running'), 'and the other has been handed back');
call('alter_job', 'moved', ", run_as => 'one'");
kill 'CONT', $pid;
is($sql->("SELECT scheduler.wait_for_run($run, '1 minute')"), 'succeeded', 'a run that nobody could have is done');

#
# A run has its turn while it is being cancelled: nobody waits for that to be
# committed, and the run is left for later.
#
schedule_waiting('busy', $wait);
$sql->(q(
	CREATE PROCEDURE fail() LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION $$no$$; END';
	SELECT scheduler.schedule_job('fails', '@yearly', 'CALL fail()', run_as => 'one', max_retries => 1, retry_delay => '1 day')));
$run = call('run_job', 'fails');
await(q(SELECT scheduler.status() @> '{"pending_runs": 2}'), 'a run waits for another');
my $canceller = begin_session($node, 'postgres', on_error_stop => 1);
is($canceller->query_safe("BEGIN; SELECT scheduler.cancel_run($run)"), 't', 'it is being cancelled');
go_on();
await(q(SELECT count(*) = 1 FROM scheduler.runs WHERE job_name = 'busy' AND status = 'succeeded'), 'the run before it is over');
await(q(SELECT count(*) = 0 FROM scheduler.workers WHERE state = 'running'), 'no worker has it in hand');
is($sql->("SELECT status FROM scheduler.runs WHERE run_id = $run"), 'queued', 'it waits');
$canceller->query_safe('COMMIT');
$canceller->quit;
ends_as($run, 'cancelled', 'a run that had its turn while it was being cancelled');
unlike(slurp_file($node->logfile), qr/could not record/, 'which is no error');

#
# The extension is dropped while a worker has a run in hand, and made again: a
# run that has the same id is another one.
#
$run = schedule_waiting('of_the_past', $wait);
my $anew = IPC::Run::start(
	[ 'psql', '-Xq', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr('postgres'), '-c', 'BEGIN', '-c', 'DROP EXTENSION pg_scheduler',
		'-c', 'CREATE EXTENSION pg_scheduler', '-c', "SELECT setval('scheduler.run_id_seq', $run, false)",
		'-c', q(SELECT scheduler.schedule_job('of_today', '@yearly', 'SELECT 1')),
		'-c', q(SELECT scheduler.run_job('of_today')), '-c', 'COMMIT' ], '>', '/dev/null');
ok(wait_until(sub { (my @pids = scheduler_processes($node, 'scheduler')) == 0 }, 'the scheduler leaves'),
	'the scheduler makes way for a command');
go_on();
ok($anew->finish, 'the extension is another one');
is($sql->("SELECT scheduler.wait_for_run($run, '1 minute')"), 'succeeded', 'its run is done');

# Each scheduler begins with a look at everything.
unlike(slurp_file($node->logfile), qr/pg_scheduler repair/, 'nothing had to be repaired');

$holder->quit;
$node->stop('fast');
done_testing();
