#
# Commands on databases, on the extension and on roles, while jobs run.
#
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../perl";

use IPC::Run;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use SchedulerNode;
use Test::More;

my $node = new_node('database_commands', extension => 0, conf => qq(
pg_scheduler.max_workers = 4
));
my $tablespace = PostgreSQL::Test::Utils::tempdir();

$node->safe_psql('postgres', "CREATE TABLESPACE other LOCATION '$tablespace'");
$node->safe_psql('postgres', 'CREATE ROLE plain LOGIN; CREATE ROLE owner LOGIN');

# A database in which one job runs again and again, and one does not end.
sub make_busy
{
	my ($database) = @_;

	$node->safe_psql('postgres', "CREATE DATABASE $database");
	$node->safe_psql($database, 'CREATE EXTENSION pg_scheduler');
	add_log_table($node, $database);
	$node->safe_psql(
		$database, q(
		SELECT scheduler.schedule_job('tx_often', 'every 10 milliseconds', 'SELECT note_run()');
		SELECT scheduler.schedule_job('endless', 'now', 'SELECT pg_sleep(100000)');
	));
	wait_for_status($node, 'tx_often', 'succeeded', $database);
	wait_for_running($node, 'endless', $database);
}

# Runs go on, after the last one that is there now.
sub check_goes_on
{
	my ($database, $what) = @_;
	my $last = $node->safe_psql($database, 'SELECT COALESCE(max(run_id), 0) FROM scheduler.run_history');

	ok( wait_until(
			sub {
				(try_sql($node, "SELECT count(*) > 0 FROM scheduler.run_history
					WHERE status = 'succeeded' AND run_id > $last", $database) // '') eq 't';
			},
			"runs go on in $database"),
		"$what: runs go on in $database");
}

# The endless run was not a failure, and is there again.
sub check_endless
{
	my ($database, $what) = @_;

	wait_for_running($node, 'endless', $database);
	is( $node->safe_psql($database, "SELECT count(*) FROM scheduler.run_history WHERE job_name = 'endless'"),
		'0', "$what: an interrupted run is no failure");
}

# A run is waited for before the launcher has seen its database.
my ($launcher) = scheduler_processes($node, 'launcher');
kill('STOP', $launcher);
$node->safe_psql('postgres', 'CREATE DATABASE fresh');
my $run = $node->safe_psql('fresh', q(CREATE EXTENSION pg_scheduler;
	SELECT scheduler.run_job(scheduler.schedule_job('first', '@yearly', 'SELECT 1'))));
my ($waited, $refused) = ('', '');
my $waiter = IPC::Run::start(
	[ 'psql', '-XAtq', '-d', $node->connstr('fresh'), '-c', "SELECT scheduler.wait_for_run($run, '3 minutes')" ],
	'>', \$waited, '2>', \$refused);
wait_until(
	sub {
		eval { $waiter->pump_nb };
		$refused ne '' or $node->safe_psql('postgres', q(SELECT count(*) FROM pg_stat_activity
			WHERE datname = 'fresh' AND state = 'active' AND query LIKE '%wait_for_run%')) eq '1';
	},
	'the run is waited for');
is( $node->safe_psql('fresh', q(SELECT scheduler.cancel_run(scheduler.run_job('first')))),
	't', 'and one is cancelled');
kill('CONT', $launcher);
$waiter->finish;
is("$waited$refused", "succeeded\n", 'a run is waited for before the launcher has seen its database');
ok( wait_until(
		sub {
			$node->safe_psql('fresh', 'SELECT s.succeeded, s.cancelled FROM scheduler.job_state s') eq '1|1';
		},
		'both are counted'),
	'both runs are counted');
$node->safe_psql('postgres', 'DROP DATABASE fresh');

# CREATE DATABASE ... TEMPLATE
make_busy('busy');
$node->safe_psql('postgres', 'CREATE DATABASE copy TEMPLATE busy');
check_goes_on('busy', 'TEMPLATE');
check_endless('busy', 'TEMPLATE');
$node->safe_psql('copy', 'SELECT scheduler.start()');	# a copy holds until then
check_goes_on('copy', 'TEMPLATE');
check_endless('copy', 'TEMPLATE');

$node->safe_psql('busy', q(SELECT scheduler.unschedule_job('endless', cancel => true)));

# DROP DATABASE
$node->safe_psql('postgres', 'DROP DATABASE copy');
pass('DROP DATABASE');

# ALTER DATABASE
$node->safe_psql('postgres', 'ALTER DATABASE busy RENAME TO renamed');
check_goes_on('renamed', 'RENAME');
$node->safe_psql('postgres', 'ALTER DATABASE renamed SET TABLESPACE other');
check_goes_on('renamed', 'SET TABLESPACE');
$node->safe_psql('postgres', 'ALTER DATABASE renamed CONNECTION LIMIT 10');
check_goes_on('renamed', 'CONNECTION LIMIT');

# Commands that fail leave everything as it was.
my ($status, $out, $err);
my @pids = scheduler_processes($node, 'scheduler');
foreach my $command ('DROP DATABASE renamed', 'ALTER DATABASE renamed RENAME TO stolen',
	'ALTER DATABASE renamed SET TABLESPACE pg_default', 'CREATE DATABASE stolen TEMPLATE renamed')
{
	$status = $node->psql('postgres', $command, stderr => \$err, extra_params => [ '-U', 'plain' ]);
	isnt($status, 0, "an unprivileged role cannot $command");
}
is(join(' ', scheduler_processes($node, 'scheduler')), "@pids", 'nor does it disturb the scheduler');
check_goes_on('renamed', 'after refusals');

$node->psql('postgres', 'BEGIN; DROP DATABASE renamed; ROLLBACK', stderr => \$err);
like($err, qr/cannot run inside a transaction block/, 'DROP DATABASE in a transaction is refused');
check_goes_on('renamed', 'after a refused DROP DATABASE');

# DROP EXTENSION that rolls back, and one that is for good.
$node->safe_psql('renamed', q(SELECT scheduler.schedule_job('endless', 'now', 'SELECT pg_sleep(100000)')));
wait_for_running($node, 'endless', 'renamed');
$node->safe_psql('renamed', 'BEGIN; DROP EXTENSION pg_scheduler; ROLLBACK');
check_goes_on('renamed', 'DROP EXTENSION; ROLLBACK');
wait_for_running($node, 'endless', 'renamed');
$node->safe_psql('renamed', q(SELECT scheduler.unschedule_job('endless', cancel => true)));
$node->safe_psql('renamed', 'BEGIN; SAVEPOINT s; DROP EXTENSION pg_scheduler; ROLLBACK TO s; COMMIT');
check_goes_on('renamed', 'DROP EXTENSION; ROLLBACK TO');
$node->psql('renamed', 'DROP EXTENSION pg_scheduler', extra_params => [ '-U', 'plain' ], stderr => \$err);
like($err, qr/must be owner of extension/, 'an unprivileged role cannot drop the extension');

$node->safe_psql('renamed', 'DROP EXTENSION pg_scheduler');
ok( wait_until(
		sub {
			$node->safe_psql('postgres', q(SELECT count(*) = 0 FROM pg_stat_activity
				WHERE datname = 'renamed' AND backend_type ~ 'pg_scheduler')) eq 't';
		},
		'no process of a database without the extension is left'),
	'DROP EXTENSION ends the processes');
$node->safe_psql('renamed', 'DROP FUNCTION note_run; DROP TABLE effect');
$node->safe_psql(
	'renamed', q(
	CREATE EXTENSION pg_scheduler;
	DROP EXTENSION pg_scheduler;
	CREATE EXTENSION pg_scheduler;
	BEGIN;
	DROP EXTENSION pg_scheduler;
	CREATE EXTENSION pg_scheduler;
	SELECT scheduler.schedule_job('one', 'every 10 milliseconds', 'SELECT 1');
	COMMIT;
));
wait_for_status($node, 'one', 'succeeded', 'renamed');
check_goes_on('renamed', 'DROP and CREATE in one transaction');
$node->safe_psql('renamed', 'BEGIN; DROP EXTENSION pg_scheduler; CREATE EXTENSION pg_scheduler; ROLLBACK');
check_goes_on('renamed', 'DROP and CREATE rolled back');

# A job may not pull the rug from under its own run, and does no harm trying.
$node->safe_psql('renamed', q(
	SELECT scheduler.schedule_job('suicide', 'now', 'DROP EXTENSION pg_scheduler')));
wait_until(
	sub {
		(try_sql($node, q(SELECT count(*) FROM scheduler.runs WHERE job_name = 'suicide'
			AND status IN ('queued', 'running')), 'renamed') // '') eq '0';
	},
	'the job has tried');
is($node->safe_psql('renamed', q(SELECT status FROM scheduler.runs WHERE job_name = 'suicide')),
	'failed', 'a job that drops the extension fails');
check_goes_on('renamed', 'a job that drops the extension');

# DROP ROLE in the database of the jobs is refused.
$node->safe_psql('renamed', q(
	SELECT scheduler.schedule_job('owned', 'every 10 milliseconds', 'SELECT 1', run_as => 'owner');
	SELECT scheduler.schedule_job('unowned', 'every 10 milliseconds', 'SELECT 1')));
wait_for_status($node, 'owned', 'succeeded', 'renamed');
$node->psql('renamed', 'DROP ROLE owner', stderr => \$err);
like($err, qr/role "owner" cannot be dropped because it owns scheduled jobs/, 'DROP ROLE is refused');

# From another database it is not, for nothing there knows of the jobs.
$node->safe_psql('postgres', 'DROP ROLE owner');
ok( wait_until(
		sub {
			$node->safe_psql('renamed', q(SELECT state FROM scheduler.jobs
				WHERE job_name = 'owned')) eq 'paused';
		},
		'the jobs of a dropped role are paused'),
	'the jobs of a dropped role are paused');
ok( wait_until(
		sub {
			$node->safe_psql('renamed', q(SELECT count(*) FROM scheduler.alerts
				WHERE kind = 'owner_dropped' AND resolved_at IS NULL)) eq '1';
		},
		'there is an alert'),
	'with an alert');
check_goes_on('renamed', 'after DROP ROLE');

# The database that the launcher served last goes while it is busy.
make_busy('busy');
$node->safe_psql('postgres', 'DROP DATABASE busy');
$node->safe_psql('postgres', 'DROP DATABASE renamed');
is($node->safe_psql('postgres', "SELECT count(*) FROM pg_stat_activity
	WHERE backend_type IN ('pg_scheduler scheduler', 'pg_scheduler worker')"),
	'0', 'no process is left of databases that are gone');

# No slot is lost by all of this.
$node->safe_psql('postgres', 'CREATE EXTENSION pg_scheduler');
$node->safe_psql('postgres', "SELECT scheduler.schedule_job('fill_' || i, 'now',
	'SELECT pg_sleep(3600)') FROM generate_series(1, 4) i");
wait_for_running($node, "fill_$_") foreach 1 .. 4;
is($node->safe_psql('postgres', "SELECT count(*) FROM scheduler.workers WHERE state = 'running'"),
	'4', 'all worker slots can be used');
unlike(slurp_file($node->logfile), qr/PANIC|TRAP|Segmentation/, 'nothing crashed');

$node->stop('fast');
done_testing();
