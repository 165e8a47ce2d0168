# The end of a run counts when it is committed, also for a scheduler that has
# yet to be told of it.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../perl";
use Fcntl;
use PostgreSQL::Test::Utils;
use SchedulerNode;
use Test::More;

my $node = new_node('unreported', conf => q(
logging_collector = on
log_checkpoints = off
pg_scheduler.max_workers = 4
pg_scheduler.repair_interval = 3600
));
my $sql = sub { $node->safe_psql('postgres', $_[0]) };

# Between its commit and its report, a worker may have something to log.
$sql->(q(
	CREATE ROLE quiet LOGIN;
	CREATE ROLE chatty LOGIN IN ROLE quiet;
	ALTER ROLE chatty SET pg_scheduler.log_runs = 'all'));
$sql->(q(
	SELECT scheduler.schedule_job('lead', '@at 2199-12-31', 'SELECT 1', run_as => 'quiet');
	SELECT scheduler.schedule_job('follow', NULL, 'SELECT 1', after => 'lead', run_as => 'chatty');
	SELECT scheduler.schedule_job('retry', NULL, 'SELECT 1 / 0', after => 'lead', run_as => 'chatty',
		max_retries => 1, retry_delay => '1 day');
	SELECT scheduler.schedule_job('soon', '@at 2199-12-31', 'SELECT 1 / 0', run_as => 'chatty',
		max_retries => 1, retry_delay => '1 millisecond')));

# Nobody reads the log any more, and there is no room left on its way there.
my ($postmaster) = split /\n/, slurp_file($node->data_dir . '/postmaster.pid');
my %process = processes($node);
my ($logger) = grep { $process{$_} =~ /: logger/ } keys %process;
ok(kill('STOP', $logger), 'the logger is stopped');
sysopen(my $pipe, "/proc/$postmaster/fd/2", O_WRONLY | O_NONBLOCK) or die "the log: $!";
foreach my $size (4096, 1)
{
	1 while syswrite($pipe, "\n" x $size);
}
close($pipe);
$ENV{PGOPTIONS} = '-c log_min_messages=panic';    # an error would be kept waiting, too

sub run_leader
{
	my $run = $sql->(q(SELECT scheduler.run_job(job_id) FROM scheduler.jobs WHERE job_name = 'lead'));

	return $sql->("SELECT scheduler.wait_for_run($run, '1 minute')");
}

sub ends
{
	my ($job) = @_;

	return $sql->("SELECT string_agg(status, ' ' ORDER BY run_id, attempt) FROM scheduler.runs WHERE job_name = '$job'");
}

sub wait_for_ends
{
	my ($job, $ends) = @_;

	return wait_until(sub { ends($job) eq $ends }, "$job has ended as $ends");
}

is(run_leader(), 'succeeded', 'the leader has run');
ok(wait_for_ends('follow', 'succeeded'), 'its follower has run');
ok(wait_for_ends('retry', 'failed running'), 'another one has failed, and waits for its next attempt');
is($sql->(q(SELECT string_agg(job_name, ' ' ORDER BY job_name) FROM scheduler.workers WHERE state = 'running')),
	'follow retry', 'neither has been reported');

is(run_leader(), 'succeeded', 'the leader runs again');
ok(wait_until(sub { $sql->('SELECT count(*) FROM scheduler.leader_end') eq '0' }, 'the end is taken up'),
	'that is taken up');
is(ends('follow'), 'succeeded queued', 'the follower is to run again');
is(ends('retry'), 'failed running queued', 'and so is the other');

# A scheduler that begins now takes the next attempt for what it is: not for
# the one that the worker has in hand.
$sql->(q(SELECT scheduler.run_job(job_id) FROM scheduler.jobs WHERE job_name = 'soon'));
ok(wait_for_ends('soon', 'failed running'), 'one more has failed');
my ($first) = scheduler_processes($node, 'scheduler');
$sql->('SELECT scheduler.restart()');
ok(wait_until(sub { $sql->("SELECT s ->> 'state' = 'healthy' AND s ->> 'pid' <> '$first' FROM scheduler.status() s") eq 't' },
	'there is another scheduler'), 'the scheduler begins anew');

kill 'CONT', $logger;
ok(wait_for_ends('soon', 'failed failed'), 'the next attempt that it has found is made');
ok(wait_for_ends('follow', 'succeeded succeeded'), 'the follower runs as soon as its first run is reported');
ok(wait_for_ends('retry', 'failed queued failed queued'), 'and so does the other');

# The next attempt is cancelled before the scheduler has heard of the last one.
my $holder = begin_session($node, 'postgres');
$holder->query_safe('SELECT pg_advisory_lock(1)');
$sql->(q(SELECT scheduler.schedule_job('cancelled', 'now',
	'SELECT pg_advisory_xact_lock(1), 1 / (pg_backend_pid() - pg_backend_pid())',
	run_as => 'quiet', max_retries => 1, retry_delay => '1 day', retry_jitter => false)));
wait_for_running($node, 'cancelled');
my ($scheduler) = scheduler_processes($node, 'scheduler');
kill 'STOP', $scheduler;
$holder->quit;
ok(wait_for_ends('cancelled', 'failed queued'), 'an attempt has failed, and its worker has let go of it');
is($sql->(q(SELECT scheduler.cancel_run(run_id) FROM scheduler.runs
	WHERE job_name = 'cancelled' AND status = 'queued')), 't', 'the next one is cancelled');
kill 'CONT', $scheduler;
ok(wait_until(sub { $sql->(q(SELECT scheduler.status() ->> 'pending_runs')) eq '2' }, 'the scheduler forgets it'),
	'and does not wait any more');

$node->stop('fast');
done_testing();
