# Jobs that come out of a dump do not run, nor are they planned, before the
# restore is over, however it was made.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../perl";
use PostgreSQL::Test::Utils;
use SchedulerNode;
use Test::More;

# The copies run, as those do that are restored in order to go on.
my $node = new_node('restore', conf => q(pg_scheduler.on_copy = 'run'));
my $dir = PostgreSQL::Test::Utils::tempdir();

add_log_table($node);
$node->safe_psql('postgres', q(
	SELECT scheduler.schedule_job('tx_often', 'every 10 milliseconds', 'SELECT note_run()');
	SELECT scheduler.schedule_job('once', 'now', 'SELECT 1')));
wait_for_status($node, 'tx_often', 'succeeded');
wait_for_status($node, 'once', 'succeeded');

# When the jobs are there, and their states are not, give the scheduler the
# time to meddle, unless it has left.
my $wait = q(
DO $$
BEGIN
	LOOP
		PERFORM pg_catalog.pg_stat_clear_snapshot();
		EXIT WHEN EXISTS (SELECT FROM scheduler.job_state)
			OR NOT EXISTS (SELECT FROM pg_catalog.pg_stat_activity
				WHERE datname = current_database() AND backend_type = 'pg_scheduler scheduler');
		PERFORM pg_catalog.pg_sleep(0.01);
	END LOOP;
END $$;
);

# A database that has a scheduler
sub new_database
{
	my ($name) = @_;

	$node->safe_psql('postgres', "CREATE DATABASE $name");
	$node->safe_psql($name, 'CREATE EXTENSION pg_scheduler');
	wait_for_scheduler($node, $name);
}

sub psql_file
{
	my ($database, $file, $what) = @_;

	$node->command_ok([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1',
			'-d', $node->connstr($database), '-f', $file ], $what);
}

# Now they run.
sub check_database
{
	my ($name, $what) = @_;

	wait_for_status($node, 'tx_often', 'succeeded', $name);
	is($node->safe_psql($name, "SELECT count(*) FROM scheduler.run_history WHERE status = 'failed'"),
		0, "$what: no job ran before what it needs was there");
	is($node->safe_psql($name, "SELECT count(*) FROM scheduler.run_history WHERE job_name = 'once'"),
		0, "$what: what is over is not done again");
}

my %plain = (copies => [], inserts => ['--inserts'], column_inserts => ['--column-inserts']);

foreach my $name (sort keys %plain)
{
	my $file = "$dir/$name.sql";

	$node->command_ok([ 'pg_dump', @{ $plain{$name} }, '-f', $file, 'postgres' ], "pg_dump, $name");
	my $script = slurp_file($file);
	ok($script =~ s/^(?=(COPY|INSERT INTO) scheduler\.job_state )/$wait/m, "$name: there are states of jobs");
	append_to_file("$file.slow", $script);
	new_database($name);
	psql_file($name, "$file.slow", "$name: the restore is not disturbed");
	check_database($name, $name);
}

# In parallel, from several sessions
$node->command_ok([ 'pg_dump', '-Fc', '-f', "$dir/custom", 'postgres' ], 'pg_dump -Fc');
new_database('parallel');
$node->command_ok([ 'pg_restore', '-j', '2', '-d', $node->connstr('parallel'), "$dir/custom" ],
	'pg_restore -j');
check_database('parallel', 'parallel');

# Data alone, beside a job that is there
$node->command_ok([ 'pg_dump', '-Fc', '-s', '-f', "$dir/schema", 'postgres' ], 'pg_dump -s');
new_database('data');
$node->safe_psql('data', q(
	SELECT setval('scheduler.job_id_seq', 1000);
	SELECT scheduler.schedule_job('other', 'every 10 milliseconds', 'SELECT 1')));
wait_for_status($node, 'other', 'succeeded', 'data');
$node->command_ok([ 'pg_restore', '-d', $node->connstr('data'), "$dir/schema" ], 'pg_restore -s');
$node->command_ok([ 'pg_restore', '--data-only', '-d', $node->connstr('data'), "$dir/custom" ],
	'pg_restore --data-only');
check_database('data', 'data');
my $last = $node->safe_psql('data', q(SELECT max(run_id) FROM scheduler.run_history WHERE job_name = 'other'));
wait_until(sub {
		$node->safe_psql('data', qq(SELECT count(*) > 0 FROM scheduler.run_history
			WHERE job_name = 'other' AND run_id > $last)) eq 't' }, 'the other job goes on');
is($node->safe_psql('data', q(SELECT count(*) FROM scheduler.jobs WHERE state = 'active')),
	2, 'the job that was there goes on');

$node->stop('fast');
done_testing();
