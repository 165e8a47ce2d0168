#
# What databases share: worker slots, processes of the server, the table of
# databases.  One that is gone, or is held up, keeps none of it from the others.
#
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../perl";

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use SchedulerNode;
use Test::More;

my $node;

sub make_node
{
	my ($name, $conf, @databases) = @_;

	$node = new_node($name, conf => $conf);
	$node->safe_psql('postgres', "CREATE ROLE role_$_ LOGIN") foreach 1 .. 3;
	foreach my $database (@databases)
	{
		$node->safe_psql('postgres', "CREATE DATABASE $database");
		$node->safe_psql($database, 'CREATE EXTENSION pg_scheduler');
		wait_for_scheduler($node, $database);
	}
}

sub schedule
{
	my ($database, $job, $role, $command, $schedule) = @_;

	$schedule //= 'now';
	$node->safe_psql($database,
		"SELECT scheduler.schedule_job('$job', '$schedule', '$command', run_as => 'role_$role')");
}

sub scheduler_pid
{
	my ($database) = @_;

	return $node->safe_psql('postgres',
		"SELECT pid FROM pg_stat_activity
		  WHERE backend_type = 'pg_scheduler scheduler' AND datname = '$database'");
}

make_node('shared_slot', "pg_scheduler.max_workers = 1\n", 'other');

# The run in the only slot is stopped, and nobody is left to see to it.
schedule('other', 'endless', 1, 'SELECT pg_sleep(100000)');
wait_for_running($node, 'endless', 'other');
$node->safe_psql('other', 'DROP EXTENSION pg_scheduler');
schedule('postgres', 'after drop', 1, 'SELECT 1');
wait_for_status($node, 'after drop', 'succeeded');
pass('a slot whose run was stopped by DROP EXTENSION');

# The worker in the only slot makes room, and its scheduler does not take back
# what else the worker was to do.  Its run takes longer than a time slice.
$node->safe_psql('other', 'CREATE EXTENSION pg_scheduler');
wait_for_scheduler($node, 'other');
add_log_table($node, 'other');
my $holder = begin_session($node, 'other');
$holder->query_safe('SELECT pg_advisory_lock(1)');
schedule('other', 'tx_held', 1, 'SELECT note_run() FROM pg_sleep(0.5), pg_advisory_xact_lock(1)');
wait_for_running($node, 'tx_held', 'other');
schedule('other', "tx_$_", 1, 'SELECT note_run()') foreach 1 .. 3;
wait_for_runs($node, 4, 'other');
my $stopped = scheduler_pid('other');
kill('STOP', $stopped);
schedule('postgres', 'beside', 1, 'SELECT 1');
wait_for_runs($node, 1);
$holder->quit;
wait_for_status($node, 'beside', 'succeeded');
pass('a slot of a database whose scheduler is held up');
kill('CONT', $stopped);
wait_for_quiet($node, 'other');
check_records($node, 'after its scheduler was held up', 'other');
is($node->safe_psql('other', 'SELECT count(*) FROM effect'), '4', 'its runs were done');
$node->stop('fast');

# More databases than entries; only some of them have the extension.
make_node('shared_table', "pg_scheduler.max_databases = 2\n");
$node->safe_psql('postgres', 'DROP EXTENSION pg_scheduler');
$node->safe_psql('postgres', "CREATE DATABASE db_$_") foreach 1 .. 5;
$node->safe_psql('db_5', 'CREATE EXTENSION pg_scheduler');
$node->restart;
wait_for_scheduler($node, 'db_5');
schedule('db_5', 'last', 1, 'SELECT 1');
wait_for_status($node, 'last', 'succeeded', 'db_5');
pass('a database that was at first without an entry');
$node->safe_psql('db_2', 'CREATE EXTENSION pg_scheduler');
wait_for_scheduler($node, 'db_2');
$node->safe_psql('db_5', 'DROP EXTENSION pg_scheduler');
$node->safe_psql('db_1', 'CREATE EXTENSION pg_scheduler');
wait_for_scheduler($node, 'db_1');
pass('the entry of a database that has lost the extension');
$node->stop('fast');

# A process of the server is short, and one database has work without end.
make_node('shared_process', qq(
max_worker_processes = 5
max_logical_replication_workers = 0
pg_scheduler.max_workers = 4
), 'other');
foreach my $role (1 .. 3)
{
	schedule('other', "busy_${role}_$_", $role, 'SELECT pg_sleep(0.01)', 'every 1 millisecond')
	  foreach 1 .. 2;
}
wait_for_status($node, "busy_${_}_1", 'succeeded', 'other') foreach 1 .. 3;
schedule('postgres', 'wanted', 1, 'SELECT 1');
wait_for_status($node, 'wanted', 'succeeded');
pass('a worker gets its turn');
$node->safe_psql('postgres', q(
	SELECT scheduler.schedule_http_job('web', 'now', 'http://127.0.0.1:1/', max_retries => 0)));
wait_for_status($node, 'web', 'failed');
pass('the HTTP worker gets a process');
ok( $node->poll_query_until('postgres', q(SELECT count(*) = 0 FROM scheduler.alerts
		WHERE kind = 'worker_slots_exhausted' AND resolved_at IS NULL)),
	'and the alert is resolved');

# A scheduler leaves, and its process is taken by a worker.
my ($launcher) = scheduler_processes($node, 'launcher');
kill('STOP', $launcher);
$node->safe_psql('postgres', q(
	SELECT pg_terminate_backend(pid, 180000) FROM pg_stat_activity
	 WHERE datname = 'postgres' AND backend_type IN ('pg_scheduler scheduler', 'pg_scheduler http worker')
	 ORDER BY backend_type DESC));
wait_until(sub { scheduler_processes($node, 'worker') == 3 }, 'there is one more worker');
kill('CONT', $launcher);
wait_for_scheduler($node);
schedule('postgres', 'again', 1, 'SELECT 1');
wait_for_status($node, 'again', 'succeeded');
pass('a scheduler gets a process');
$node->stop('fast');

done_testing();
