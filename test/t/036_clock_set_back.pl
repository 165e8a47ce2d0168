# What is under way when the clock is set back goes on: looks at everything, turns
# of roles, the start of workers.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../perl";

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use SchedulerNode;
use Test::More;

my $node = new_node('set_back', conf => "pg_scheduler.max_workers = 2\n");
my $locker = begin_session($node, 'postgres', on_error_stop => 1);

sub sql
{
	return $node->safe_psql('postgres', $_[0]);
}

sub await
{
	my ($query, $what) = @_;

	ok($node->poll_query_until('postgres', "SELECT ($query)"), $what);
}

# A scheduler that has just started looks for what is old, and waits in its
# first slice.
sql(q(
	INSERT INTO scheduler.recovery_event (at, subject, action, reason, outcome)
	SELECT now() - interval '1 year', 'test', 'reset', '', 'failed'));
$locker->query_safe('BEGIN; LOCK TABLE scheduler.dead_letter IN ACCESS EXCLUSIVE MODE');
sql('SELECT scheduler.restart()');
await(q(SELECT count(*) = 1 FROM pg_locks WHERE NOT granted AND relation = 'scheduler.dead_letter'::regclass),
	'the scheduler looks for old dead letters');
sql(q(ALTER SYSTEM SET pg_scheduler.clock_offset = '-1h'));
$node->reload;
await(q(SELECT current_setting('pg_scheduler.clock_offset') <> '0'), 'the clock is set back');
$locker->query_safe('COMMIT');
$locker->quit;
await(q(SELECT count(*) = 0 FROM scheduler.recovery_event WHERE subject = 'test'),
	'it goes on with old events, an hour earlier');

# A worker that has more to do than it will ever have done makes room
sub run_of
{
	my ($job) = @_;

	return sql("SELECT scheduler.run_job(job_id) FROM scheduler.jobs WHERE job_name = '$job'");
}

sql(q(
	CREATE ROLE busy LOGIN; CREATE ROLE other LOGIN; CREATE ROLE third LOGIN;
	CREATE TABLE gate (); GRANT SELECT ON gate TO busy, third;
	SELECT scheduler.schedule_job('endless', '1 second', 'SELECT pg_sleep(0.1)', overlap => 'allow', max_instances => 1000, run_as => 'busy');
	SELECT scheduler.schedule_job('other', '@at 2199-12-31', 'SELECT 1', run_as => 'other');
	SELECT scheduler.schedule_job('quick', '@at 2199-12-31', 'SELECT 1', run_as => 'busy', overlap => 'allow', max_instances => 9);
	SELECT scheduler.schedule_job('long', '@at 2199-12-31', 'TABLE gate', run_as => 'busy');
	SELECT scheduler.schedule_job('hold', '@at 2199-12-31', 'TABLE gate', run_as => 'third')));
my $gate = begin_session($node, 'postgres', on_error_stop => 1);
$gate->query_safe('BEGIN; LOCK TABLE gate');
run_of('hold');
wait_for_running($node, 'hold');
sql(q(SELECT scheduler.run_job(job_id) FROM scheduler.jobs, generate_series(1, 900) WHERE job_name = 'endless'));
wait_for_running($node, 'endless');
sql(q(ALTER SYSTEM SET pg_scheduler.clock_offset = '-2h'));
$node->reload;
await(q(SELECT current_setting('pg_scheduler.clock_offset') = '-7200'), 'the clock is set back');
is(sql("SELECT scheduler.wait_for_run(" . run_of('other') . ", '30 seconds')"), 'succeeded',
	'another role has its turn');
$gate->query_safe('COMMIT');
finish_jobs($node, "job_name = 'endless'");

# One that takes one short run after the other, but for this one
is(sql("SELECT scheduler.wait_for_run(" . run_of('quick') . ", '30 seconds')"), 'succeeded', 'a short run') foreach 1 .. 30;
$gate->query_safe('BEGIN; LOCK TABLE gate');
run_of('long');
wait_for_running($node, 'long');
sql(q(ALTER SYSTEM SET pg_scheduler.clock_offset = '-30h'));
$node->reload;
await(q(SELECT current_setting('pg_scheduler.clock_offset') = '-108000'), 'the clock is set back once more, to a day that has no partition yet');
is(sql("SELECT scheduler.wait_for_run(" . run_of('quick') . ", '30 seconds')"), 'succeeded',
	'what is short does not wait for what is long');
$gate->query_safe('COMMIT');
$gate->quit;

$node->stop('fast');
done_testing();
