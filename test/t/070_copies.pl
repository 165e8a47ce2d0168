#
# A copy of a database never does the original's work: however it was made, it
# holds its jobs until somebody says scheduler.start().  What moves, goes on.
#
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../perl";

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use SchedulerNode;
use Test::More;

my $dir = PostgreSQL::Test::Utils::tempdir();
my $node = new_node('original', init => { allows_streaming => 1, has_archiving => 1 });
my $system = $node->safe_psql('postgres', 'SELECT system_identifier FROM pg_control_system()');

add_log_table($node);
$node->safe_psql('postgres', q(
	SELECT scheduler.schedule_job('tx_often', 'every 20 milliseconds', 'SELECT note_run()');
	SELECT scheduler.schedule_job('boot', '@reboot', 'SELECT 1')));
wait_for_status($node, 'tx_often', 'succeeded');

sub status
{
	my ($of, $database) = @_;

	return $of->safe_psql($database // 'postgres',
		q(SELECT scheduler.status() ->> 'state', scheduler.status() ->> 'reason'));
}

sub runs_since_start
{
	my ($of, $database) = @_;

	return $of->safe_psql($database // 'postgres', q(SELECT count(*) FROM scheduler.run_history
		WHERE started_at > pg_postmaster_start_time()));
}

sub wait_for_state
{
	my ($of, $state, $database) = @_;

	wait_until(sub { status($of, $database) =~ /^$state\|/ }, "state $state");
}

sub runs_on
{
	my ($of, $what, $database) = @_;
	my $last = $of->safe_psql($database // 'postgres', q(SELECT COALESCE(max(run_id), 0) FROM scheduler.run_history));

	ok($of->poll_query_until($database // 'postgres',
			"SELECT count(*) > 1 FROM scheduler.run_history WHERE job_name = 'tx_often' AND run_id > $last"), $what);
}

sub keys_of
{
	my ($of, $database) = @_;

	return $of->safe_psql($database // 'postgres', 'SELECT key_system, key_database FROM scheduler.home');
}

# A copy holds, says so, and goes on doing so; start() ends that for good.
sub check_copy
{
	my ($of, $database, $what) = @_;
	my $keys = keys_of($of, $database);

	wait_for_state($of, 'stopped', $database);
	like(status($of, $database), qr/this is a copy of database "\w+" of system $system; scheduler\.start\(\) runs its jobs here/,
		"$what: held, with the reason");
	ok($of->poll_query_until($database, q(SELECT count(*) = 1 FROM scheduler.alerts
		WHERE kind = 'scheduler_stopped' AND resolved_at IS NULL AND message LIKE 'this is a copy of%')),
		"$what: an alert says so");
	is($of->safe_psql($database, q(SELECT state FROM scheduler.health WHERE scope = 'scheduler')), 'stopped',
		"$what: so does the view of health") if 0;
	is(runs_since_start($of, $database), '0', "$what: nothing has run") if $of != $node;
	$of->safe_psql($database, 'SELECT scheduler.start()');
	runs_on($of, "$what: start() runs its jobs", $database);
	isnt(keys_of($of, $database), $keys, "$what: with idempotency keys of its own");
	ok($of->poll_query_until($database, q(SELECT count(*) = 0 FROM scheduler.alerts
		WHERE kind = 'scheduler_stopped' AND resolved_at IS NULL)), "$what: and the alert is over");
}

# A base backup
$node->backup('backup');
my $copy = PostgreSQL::Test::Cluster->new('copy');
$copy->init_from_backup($node, 'backup');
$copy->start;
wait_for_state($copy, 'stopped');
like(slurp_file($copy->logfile), qr/pg_scheduler runs no jobs in this database.*\n.*This is a copy of database "postgres"/,
	'a warning is in the log');
$copy->stop('immediate');
$copy->start;
wait_for_state($copy, 'stopped');
$copy->restart;
check_copy($copy, 'postgres', 'base backup, started three times');
$copy->restart;
runs_on($copy, 'it goes on after a restart');
$copy->backup('again');

# A copy of the copy
my $second = PostgreSQL::Test::Cluster->new('second');
$second->init_from_backup($copy, 'again');
$second->start;
check_copy($second, 'postgres', 'copy of a copy');
$second->stop;
$copy->stop;

# For those who restore in order to go on
my $restored = PostgreSQL::Test::Cluster->new('restored');
$restored->init_from_backup($node, 'backup');
$restored->append_conf('postgresql.conf', "pg_scheduler.on_copy = 'run'");
$restored->start;
runs_on($restored, 'on_copy = run: jobs go on');
is(keys_of($restored), keys_of($node), 'with the keys that they had');
$restored->stop;

# Point-in-time recovery
$node->safe_psql('postgres', 'SELECT pg_switch_wal()');
my $pitr = PostgreSQL::Test::Cluster->new('pitr');
$pitr->init_from_backup($node, 'backup', has_restoring => 1, standby => 0);
$pitr->append_conf('postgresql.conf', "recovery_target = 'immediate'\nrecovery_target_action = 'promote'");
$pitr->start;
$pitr->poll_query_until('postgres', 'SELECT NOT pg_is_in_recovery()') or die;
check_copy($pitr, 'postgres', 'point-in-time recovery');
$pitr->stop;

# A standby goes on when it is promoted, also after a restart.
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($node, 'backup', has_streaming => 1);
$standby->start;
$node->wait_for_catchup($standby);
$standby->promote;
runs_on($standby, 'a standby that is promoted goes on');
$standby->restart;
runs_on($standby, 'also after a restart');
$standby->stop;

# Databases made by TEMPLATE hold, whatever comes after; one that is renamed goes on.
$node->safe_psql('postgres', 'CREATE DATABASE jobs');
$node->safe_psql('jobs', 'CREATE EXTENSION pg_scheduler');
add_log_table($node, 'jobs');
$node->safe_psql('jobs', q(SELECT scheduler.schedule_job('tx_often', 'every 20 milliseconds', 'SELECT note_run()')));
wait_for_status($node, 'tx_often', 'succeeded', 'jobs');
$node->safe_psql('postgres', 'CREATE DATABASE twin TEMPLATE jobs');
my $last = $node->safe_psql('twin', 'SELECT max(run_id) FROM scheduler.run_history');
$node->safe_psql('postgres', 'ALTER DATABASE twin RENAME TO other');
wait_for_state($node, 'stopped', 'other');
is($node->safe_psql('other', "SELECT count(*) FROM scheduler.run_history WHERE run_id > $last"), '0',
	'template: nothing has run');
check_copy($node, 'other', 'template');
$node->safe_psql('postgres', 'ALTER DATABASE jobs RENAME TO works');
runs_on($node, 'a database that is renamed goes on', 'works');
is($node->safe_psql('works', 'SELECT database_name FROM scheduler.home'), 'works', 'and knows its name');

# A dump: into a new database of the same name it goes on, into another not.
$node->command_ok([ 'pg_dump', '-f', "$dir/dump", $node->connstr('works') ], 'pg_dump');
$node->safe_psql('postgres', 'CREATE DATABASE staging');
$node->command_ok([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr('staging'), '-f', "$dir/dump" ],
	'restored in another database');
check_copy($node, 'staging', 'dump');
my $keys = keys_of($node, 'works');
$node->safe_psql('postgres', 'DROP DATABASE works');
$node->safe_psql('postgres', 'CREATE DATABASE works');
$node->command_ok([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr('works'), '-f', "$dir/dump" ],
	'restored in place');
runs_on($node, 'a dump that is restored in place goes on', 'works');
is(keys_of($node, 'works'), $keys, 'with its keys');

# A home that is loaded later holds, too, whatever the loader does with triggers.
$node->safe_psql('works', q(SET session_replication_role = replica;
	INSERT INTO scheduler.home VALUES (1, 1, 'elsewhere', NULL, 1, 1, 1)));
wait_for_state($node, 'stopped', 'works');
like(status($node, 'works'), qr/copy of database "elsewhere" of system 1;/, 'a second home: held');

# The setting
$node->safe_psql('postgres', "ALTER SYSTEM SET pg_scheduler.enabled = off");
$node->reload;
wait_for_state($node, 'stopped');
is(status($node), 'stopped|pg_scheduler.enabled is off', 'enabled = off: nothing runs, with the reason');
my $run = $node->safe_psql('postgres', q(SELECT scheduler.run_job('tx_often')));
$node->restart;
wait_for_state($node, 'stopped');
is(runs_since_start($node), '0', 'a server that is started with it off runs nothing');
$node->safe_psql('postgres', 'SELECT scheduler.start()');
is(status($node), 'stopped|pg_scheduler.enabled is off', 'start() does not help');
is($node->safe_psql('postgres', "SELECT status FROM scheduler.runs WHERE run_id = $run"), 'queued', 'what was asked for waits');
$node->safe_psql('postgres', 'ALTER SYSTEM RESET pg_scheduler.enabled');
$node->reload;
runs_on($node, 'it is on again: jobs run');
is($node->safe_psql('postgres', "SELECT scheduler.wait_for_run($run)"), 'succeeded', 'and so does what waited');
$node->safe_psql('postgres', 'ALTER DATABASE postgres SET pg_scheduler.enabled = off');
wait_for_state($node, 'stopped');
pass('for a database: nothing runs');
$node->safe_psql('postgres', 'ALTER DATABASE postgres RESET pg_scheduler.enabled');
runs_on($node, 'and again');

check_records($node);
$node->stop;
done_testing();
