# ALTER EXTENSION ... UPDATE while jobs run: all processes make way and come
# back, and no run is lost or doubled, whether it succeeds, fails or is rolled
# back.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../perl";
use PostgreSQL::Test::Utils;
use SchedulerNode;
use Test::More;

chomp(my $dir = `pg_config --sharedir`);
$dir .= '/extension';
plan skip_all => "cannot write to $dir" unless -w $dir;

# Made-up versions: a third number changes no table, and needs no other library
my %script = (
	'1.0--1.0.1' => q(CREATE FUNCTION scheduler.next() RETURNS int LANGUAGE sql RETURN 1;),
	'1.0.1--1.0' => q(DROP FUNCTION scheduler.next();),
	'1.0--broken' => q(SELECT 1 / 0;));

append_to_file("$dir/pg_scheduler--$_.sql", $script{$_}) foreach keys %script;

END
{
	unlink map { "$dir/pg_scheduler--$_.sql" } keys %script;
}

my $node = new_node('update');
my $sql = sub { $node->safe_psql('postgres', $_[0]) };

sub my_processes
{
	return join ' ', map { scheduler_processes($node, $_) } 'scheduler', 'worker';
}

# Run a command, which replaces all processes, while a job runs that goes on
# until it is stopped.
sub replaces_processes
{
	my ($command, $name) = @_;
	my $gate = begin_session($node, 'postgres');

	$gate->query_safe('BEGIN; LOCK TABLE gate');
	my $run = $sql->("SELECT scheduler.run_job('tx_gate')");
	wait_for_running($node, 'tx_gate');
	my %before = map { $_ => 1 } split ' ', my_processes();
	my ($status, $out, $err) = $node->psql('postgres', $command);
	wait_for_scheduler($node);
	wait_for_running($node, 'tx_gate');
	my @kept = grep { $before{$_} } split ' ', my_processes();
	is("@kept", '', "$name: processes are new");
	$gate->query_safe('COMMIT');
	$gate->quit;
	is($sql->("SELECT scheduler.wait_for_run($run, '1 minute')"),
		'succeeded', "$name: the run that was stopped is done again");
	my $n = $sql->("SELECT count(*) FROM effect");
	ok( wait_until(sub { $sql->("SELECT count(*) > $n + 5 FROM effect") eq 't' }, 'jobs go on'),
		"$name: jobs go on");
	return ($status, $err);
}

sub version
{
	return $sql->("SELECT extversion FROM pg_extension WHERE extname = 'pg_scheduler'");
}

add_log_table($node);
$sql->(q(
	CREATE TABLE gate ();
	CREATE PROCEDURE commit_twice() LANGUAGE plpgsql AS 'BEGIN COMMIT; PERFORM note_run(); COMMIT; END';
	SELECT scheduler.schedule_job('tx_fast', 'every 20 milliseconds', 'SELECT note_run()', overlap => 'queue');
	SELECT scheduler.schedule_job('procedure', 'every 50 milliseconds', 'CALL commit_twice()');
	SELECT scheduler.schedule_job('tx_gate', '@at 2199-12-31', 'SELECT note_run() FROM (SELECT count(*) FROM gate) g')));

my ($status, $err) = replaces_processes("ALTER EXTENSION pg_scheduler UPDATE TO '1.0.1'", 'update');
is(version(), '1.0.1', 'the update has been made');
is($sql->('SELECT scheduler.next()'), 1, 'what it brings is there');

replaces_processes("BEGIN; ALTER EXTENSION pg_scheduler UPDATE TO '1.0'; ROLLBACK", 'rolled back');
is(version(), '1.0.1', 'the update has not been made');

replaces_processes("ALTER EXTENSION pg_scheduler UPDATE TO '1.0'", 'back');
is(version(), '1.0', 'the way back has been gone');

($status, $err) = replaces_processes("ALTER EXTENSION pg_scheduler UPDATE TO 'broken'", 'failure');
like($err, qr/division by zero/, 'a script that fails says so');
is(version(), '1.0', 'the update has not been made');

finish_jobs($node, 'true');
check_records($node, 'updates');

$node->stop('fast');
done_testing();
