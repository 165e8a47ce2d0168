#
# Definitions survive pg_dump and pg_restore, and run on elsewhere.
#
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../perl";

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use SchedulerNode;
use Test::More;

my $old = new_node('old');
my $new = new_node('new', extension => 0);
my $dump = PostgreSQL::Test::Utils::tempdir() . '/dump';

# The role has another oid in the other cluster.
$new->safe_psql('postgres', 'CREATE ROLE filler');
$_->safe_psql('postgres', 'CREATE ROLE "Odd Name" LOGIN; CREATE DATABASE jobs') foreach $old, $new;
$old->safe_psql('jobs', 'CREATE EXTENSION pg_scheduler');
add_log_table($old, 'jobs');
$old->safe_psql(
	'jobs', q(
	SELECT scheduler.schedule_job('tx_every', 'every 50 milliseconds', 'SELECT note_run()',
		args => '{"a": [1, "ä"]}', priority => 5, run_as => '"Odd Name"', settings => '{"work_mem": "1MB"}',
		timeout => '1 minute', max_retries => 3, retry_on => '{40001}', description => 'it''s a test');
	SELECT scheduler.schedule_job('daily', '30 2 * * *', 'SELECT 1', timezone => 'Europe/Berlin');
	SELECT scheduler.schedule_job('paused', 'every 10 milliseconds', 'SELECT 1', enabled => false);
	SELECT scheduler.schedule_job('once', 'now', 'SELECT 1');
));
wait_for_status($old, 'tx_every', 'succeeded', 'jobs');
wait_for_status($old, 'once', 'succeeded', 'jobs');

my $definitions = q(
	SELECT job_id, job_name, owner, schedule, timezone, command, args, settings, priority, timeout,
		max_retries, retry_on, enabled, description FROM scheduler.jobs ORDER BY job_id);

$old->command_ok([ 'pg_dump', '-Fc', '-f', $dump, 'jobs' ], 'pg_dump while jobs run');
$new->command_ok([ 'pg_restore', '--exit-on-error', '-d', 'jobs', $dump ], 'pg_restore');
is($new->safe_psql('jobs', $definitions), $old->safe_psql('jobs', $definitions),
	'all definitions arrive');
my $last = $new->safe_psql('jobs', q(SELECT COALESCE(max(run_id), 0) FROM scheduler.run_history
	WHERE job_name = 'tx_every'));
ok( $new->poll_query_until('jobs', "SELECT count(*) > 2 FROM scheduler.run_history
		WHERE job_name = 'tx_every' AND status = 'succeeded' AND run_id > $last AND owner = '\"Odd Name\"'::regrole"),
	'and run on, as the same role');
is($new->safe_psql('jobs', q(SELECT count(*) FROM scheduler.run_history WHERE job_name = 'paused')),
	'0', 'what was disabled is');

# A restore takes its time: the scheduler has planned the jobs before their
# states come.
my ($first, $then) = ("$dump.first", "$dump.then");
my ($list) = run_command([ 'pg_restore', '-l', $dump ]);
my @states = grep { /TABLE DATA scheduler job_state / } split /\n/, $list;
is(@states, 1, 'states of jobs are in the dump');
append_to_file($then, "$states[0]\n");
append_to_file($first, join("\n", grep { $_ ne $states[0] } split /\n/, $list) . "\n");
$new->safe_psql('postgres', 'CREATE DATABASE slow');
$new->command_ok([ 'pg_restore', '--exit-on-error', '-L', $first, '-d', 'slow', $dump ],
	'pg_restore without states');
ok( $new->poll_query_until('slow', q(SELECT count(*) = 4 FROM scheduler.job_state)),
	'the scheduler plans the jobs');
$new->command_ok([ 'pg_restore', '--exit-on-error', '-L', $then, '-d', 'slow', $dump ],
	'states come later');
$last = $new->safe_psql('slow', q(SELECT COALESCE(max(run_id), 0) FROM scheduler.run_history
	WHERE job_name = 'tx_every'));
ok( $new->poll_query_until('slow', "SELECT count(*) > 2 FROM scheduler.run_history
		WHERE job_name = 'tx_every' AND status = 'succeeded' AND run_id > $last"),
	'and the jobs run on');

# New jobs do not collide with restored ones.
is( $new->safe_psql('jobs', q(
		SELECT scheduler.schedule_job('another', 'now', 'SELECT 1') >
			(SELECT max(job_id) FROM scheduler.jobs WHERE job_name <> 'another'))),
	't',
	'job ids go on');
wait_for_status($new, 'another', 'succeeded', 'jobs');

# A dump of the copy is the same again.
$new->command_ok([ 'pg_dump', '-Fp', '-f', "$dump.sql", 'jobs' ], 'pg_dump of the copy');
like(slurp_file("$dump.sql"), qr/tx_every/, 'has the jobs too');

$_->stop foreach $old, $new;
done_testing();
