# Jobs that come out of a dump do not run, nor are they planned, before the
# restore is over.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../perl";
use PostgreSQL::Test::Utils;
use SchedulerNode;
use Test::More;

my $node = new_node('restore');
my $dump = PostgreSQL::Test::Utils::tempdir() . '/dump.sql';

add_log_table($node);
$node->safe_psql('postgres', q(
	SELECT scheduler.schedule_job('tx_often', 'every 10 milliseconds', 'SELECT note_run()');
	SELECT scheduler.schedule_job('once', 'now', 'SELECT 1')));
wait_for_status($node, 'tx_often', 'succeeded');
wait_for_status($node, 'once', 'succeeded');
$node->command_ok([ 'pg_dump', '-f', $dump, 'postgres' ], 'pg_dump');

# Restore into a database that has a scheduler.  When the jobs are there, and
# their states are not, give it the time to meddle, unless it has left.
my $script = slurp_file($dump);
my $wait = q(
DO $$
BEGIN
	LOOP
		PERFORM pg_catalog.pg_stat_clear_snapshot();
		EXIT WHEN EXISTS (SELECT FROM scheduler.job_state)
			OR NOT EXISTS (SELECT FROM pg_catalog.pg_stat_activity
				WHERE datname = 'copy' AND backend_type = 'pg_scheduler scheduler');
		PERFORM pg_catalog.pg_sleep(0.01);
	END LOOP;
END $$;
);
ok($script =~ s/^(?=COPY scheduler\.job_state )/$wait/m, 'the dump has states of jobs');
append_to_file("$dump.slow", $script);

$node->safe_psql('postgres', 'CREATE DATABASE copy');
$node->safe_psql('copy', 'CREATE EXTENSION pg_scheduler');
wait_for_scheduler($node, 'copy');
$node->command_ok([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr('copy'), '-f', "$dump.slow" ],
	'the restore is not disturbed');

# Now they run.
wait_for_status($node, 'tx_often', 'succeeded', 'copy');
is($node->safe_psql('copy', "SELECT count(*) FROM scheduler.run_history WHERE status = 'failed'"),
	0, 'no job ran before what it needs was there');
is($node->safe_psql('copy', "SELECT count(*) FROM scheduler.run_history WHERE job_name = 'once'"),
	0, 'what is over is not done again');

$node->stop('fast');
done_testing();
