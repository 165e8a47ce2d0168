#
# A job that crashes the server each time it runs is found out and paused;
# jobs that happen to run beside it are not.
#
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../perl";

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use SchedulerNode;
use Test::More;

my $node = new_node('crash_limit', conf => qq(
pg_scheduler.max_workers = 4
pg_scheduler.crash_limit = 3
));

add_log_table($node);
$node->safe_psql('postgres', "CREATE ROLE innocent_$_ LOGIN") foreach 1 .. 2;

# The parent of the shell is the worker itself.
my $crash = q(COPY (SELECT 1) TO PROGRAM 'kill -9 $PPID; cat');

$node->safe_psql('postgres', "SELECT scheduler.schedule_job('tx_innocent_$_', 'every 50 milliseconds',
	'SELECT note_run(), pg_sleep(0.05)', run_as => 'innocent_$_')") foreach 1 .. 2;
$node->safe_psql('postgres', q(
	SELECT scheduler.schedule_job('tx_long', 'every 1 second', 'SELECT note_run(), pg_sleep(0.5)')));
wait_for_status($node, "tx_innocent_$_", 'succeeded') foreach 1 .. 2;
$node->safe_psql('postgres', "SELECT scheduler.schedule_job('culprit', 'now', \$\$$crash\$\$)");

sub wait_for_pause
{
	my ($job) = @_;

	return wait_until(
		sub {
			(try_sql($node, "SELECT state FROM scheduler.jobs WHERE job_name = '$job'") // '') eq 'paused';
		},
		"$job is paused");
}

sub crashes
{
	my $log = slurp_file($node->logfile);
	my $n = () = $log =~ /all server processes terminated; reinitializing/g;

	return $n;
}

ok(wait_for_pause('culprit'), 'the job that crashes the server is paused');

# The first crash can take the record of the run along before it is on disk.
cmp_ok(crashes(), '>=', 3, 'not before it has crashed as often as it may');
cmp_ok(crashes(), '<=', 4, 'nor later than after one more');
is( $node->safe_psql('postgres', q(
		SELECT severity, subject, message FROM scheduler.alerts
		 WHERE kind = 'crash_limit' AND resolved_at IS NULL)),
	'critical|culprit|job "culprit" is paused: its runs were part of 3 server crashes',
	'with an alert, about this job alone');
is($node->safe_psql('postgres', q(SELECT string_agg(job_name, ' ') FROM scheduler.jobs
	WHERE state = 'paused')), 'culprit', 'jobs that ran beside it are not paused');

sub check_go_on
{
	my ($what) = @_;
	my $last = $node->safe_psql('postgres', 'SELECT max(run_id) FROM effect');

	ok( wait_until(
			sub {
				(try_sql($node, "SELECT count(DISTINCT job_name) FROM effect WHERE run_id > $last") // '') eq '3';
			},
			'the others run on'),
		"$what: the others run on");
}
check_go_on('after the pause');

# Its occurrence is still there: nothing has been lost.
is($node->safe_psql('postgres', q(SELECT status FROM scheduler.runs WHERE job_name = 'culprit')),
	'queued', 'the run that crashed is kept');

# Mended and resumed, it runs.
$node->safe_psql('postgres', q(
	SELECT scheduler.alter_job('culprit', command => 'SELECT 1');
	SELECT scheduler.resume_job('culprit')));
wait_for_status($node, 'culprit', 'succeeded');
pass('after it was mended, it runs');

# Two of them at once.
$node->safe_psql('postgres', "SELECT scheduler.schedule_job('culprit_' || i, 'now', \$\$$crash\$\$)
	FROM generate_series(1, 2) i");
ok(wait_for_pause("culprit_$_"), "two at once: culprit_$_ is paused") foreach 1 .. 2;
is($node->safe_psql('postgres', q(SELECT string_agg(job_name, ' ' ORDER BY job_name) FROM scheduler.jobs
	WHERE state = 'paused')), 'culprit_1 culprit_2', 'two at once: no other is paused');
check_go_on('two at once');

# A worker that is killed from outside crashes the server too, but it is
# another job's each time.
foreach my $round (1 .. 4)
{
	my $before = crashes();
	my $last;
	my @pids;

	wait_until(sub { @pids = scheduler_processes($node, 'worker'); scalar @pids }, 'there is a worker');
	kill('KILL', $pids[0]);
	wait_until(sub { crashes() > $before }, 'the server has noticed');
	wait_for_server($node);
	$last = $node->safe_psql('postgres', 'SELECT max(run_id) FROM effect');
	wait_until(
		sub { (try_sql($node, "SELECT count(DISTINCT job_name) FROM effect WHERE run_id > $last") // '') eq '3' },
		'the others run on');
}
is($node->safe_psql('postgres', q(SELECT string_agg(job_name, ' ' ORDER BY job_name) FROM scheduler.jobs
	WHERE state = 'paused')), 'culprit_1 culprit_2', 'kills from outside pause nobody');

finish_jobs($node, "job_name LIKE 'tx%'");
$node->safe_psql('postgres', "SELECT scheduler.unschedule_job('culprit_$_')") foreach 1 .. 2;
wait_for_quiet($node);
check_records($node, 'in the end');

$node->stop;
done_testing();
