# A run that is ready does not wait for a worker that is slow to wake while
# another one is idle; and who will soon have runs gets the place of who idles.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../perl";
use PostgreSQL::Test::Utils;
use SchedulerNode;
use Test::More;

my $node = new_node('idle', conf => q(
pg_scheduler.max_workers = 3
pg_scheduler.worker_idle_timeout = '1h'
deadlock_timeout = '1h'
));
my $sql = sub { $node->safe_psql('postgres', $_[0]) };

sub run_job
{
	my ($job) = @_;

	return $sql->("SELECT scheduler.run_job(job_id) FROM scheduler.jobs WHERE job_name = '$job'");
}

sub ok_run
{
	my ($run, $name) = @_;

	is($sql->("SELECT scheduler.wait_for_run($run, '30 seconds')"), 'succeeded', $name);
}

$sql->("CREATE ROLE other LOGIN;
	CREATE TABLE gate (); CREATE TABLE other_gate (); GRANT SELECT ON other_gate TO other");
$sql->("SELECT scheduler.schedule_job('hold' || n, '\@at 2199-12-31', 'TABLE gate') FROM generate_series(1, 2) n;
	SELECT scheduler.schedule_job('quick', '\@at 2199-12-31', 'SELECT 1', overlap => 'allow', max_instances => 9);
	SELECT scheduler.schedule_job('elsewhere', '\@at 2199-12-31', 'SELECT 1', run_as => 'other')");

# Two workers of one role, and one of another
my $gate = begin_session($node, 'postgres');
$gate->query_safe('BEGIN; LOCK TABLE gate');
run_job("hold$_") foreach 1, 2;
wait_for_running($node, "hold$_") foreach 1, 2;
$gate->query_safe('COMMIT');
$gate->quit;
ok_run(run_job('elsewhere'), 'the other role has a worker');
wait_for_quiet($node);

# The one that would be woken first does not wake, and nothing but a run of
# theirs wakes the other: no timeout either, that is what the settings are for.
my %process = processes($node);
my ($first) = grep { $process{$_} =~ /: pg_scheduler worker 1\b/ } keys %process;
ok(kill('STOP', $first), 'a worker is stopped');
my $run = run_job('quick');
ok_run(run_job('elsewhere'), 'the scheduler has seen to the first run');
ok_run(run_job('quick'), 'the next one is not kept waiting');
ok_run($run, 'nor is the first');
kill 'CONT', $first;

# A role whose job will be due in a moment gets its worker before that: one of
# those that idle makes way.  Where this machine is too slow for that, again.
sub run_of_new_role
{
	my ($role) = @_;

	return $sql->(qq(
		CREATE ROLE $role LOGIN;
		GRANT INSERT ON seen TO $role;
		SELECT scheduler.schedule_job('$role', to_char((clock_timestamp() + '1 second') AT TIME ZONE 'UTC',
				'"\@at "YYYY-MM-DD HH24:MI:SS.US" UTC"'),
			\$\$INSERT INTO seen SELECT backend_start < current_setting('pg_scheduler.scheduled_at')::timestamptz
				FROM pg_stat_activity WHERE pid = pg_backend_pid()\$\$, run_as => '$role')));
}

$sql->('CREATE TABLE seen (was_there bool)');
my $was_there = 'f';
for my $n (1 .. 20)
{
	last if $was_there eq 't';
	run_of_new_role("soon$n");
	$node->poll_query_until('postgres', "SELECT count(*) = $n FROM seen") or die 'no run';
	$was_there = $sql->('SELECT bool_or(was_there) FROM seen');
}
is($was_there, 't', 'a worker was there before its first run was due');

# Nobody makes way for a role that cannot run its jobs.
sub workers
{
	return $sql->('SELECT pid FROM scheduler.workers ORDER BY pid');
}

$sql->("CREATE ROLE unable LOGIN; CREATE ROLE third LOGIN");
$sql->("SELECT scheduler.schedule_job('third', '\@at 2199-12-31', 'SELECT 1', run_as => 'third')");
ok_run(run_job($_), "a worker for $_") foreach qw(quick elsewhere third);
wait_for_quiet($node);
my $workers = workers();
$sql->("BEGIN;
	SELECT scheduler.schedule_job('unable', '1 second', 'SELECT 1', run_as => 'unable');
	REVOKE CONNECT ON DATABASE postgres FROM PUBLIC;
	GRANT CONNECT ON DATABASE postgres TO other, third; COMMIT");
$node->poll_query_until('postgres', "SELECT count(*) >= 3 FROM scheduler.runs
	WHERE job_name = 'unable' AND status = 'failed'") or die 'no failed run';
is(workers(), $workers, 'no worker made way for a role that cannot run its jobs');
$sql->("SELECT scheduler.unschedule_job(job_id) FROM scheduler.jobs WHERE job_name = 'unable';
	GRANT CONNECT ON DATABASE postgres TO PUBLIC");

# Workers that were started for runs that do not come make way for one that is
# ready, though the next is about to be due all the time.
$sql->("CREATE ROLE held$_ LOGIN") foreach 1 .. 3;
$sql->("SELECT scheduler.create_queue('stopped')");
$sql->("SELECT scheduler.stop_queue('stopped')");
$sql->("SELECT scheduler.schedule_job('held' || n, '15 milliseconds', 'SELECT 1',
		queue => 'stopped', run_as => ('held' || n)::regrole) FROM generate_series(1, 3) n");
$node->poll_query_until('postgres', "SELECT count(*) = 3 FROM scheduler.workers
	WHERE role::text ~ '^held' AND state = 'idle' AND runs = 0") or die 'no workers';
ok_run(run_job('quick'), 'a run that is ready gets the place of a worker that waits for none');

$node->stop('fast');
done_testing();
