#
# Dependencies over the start and the death of servers and schedulers, and
# through a dump.
#
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../perl";

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use SchedulerNode;
use Test::More;

my $conf = "pg_scheduler.max_workers = 2\npg_scheduler.monitor_interval = '10ms'\n";
my $node = new_node('dependencies', conf => $conf);

sub sql
{
	return $node->safe_psql('postgres', $_[0]);
}

sub await
{
	my ($query, $what) = @_;

	ok($node->poll_query_until('postgres', "SELECT ($query)"), $what);
}

# How many runs a job has had.
sub runs_of
{
	my ($job) = @_;

	return sql("SELECT count(*) FROM scheduler.run_history WHERE job_name = '$job'");
}

# Some job that becomes due now has run: the scheduler has been through a cycle.
my $beacons = 0;

sub await_beacon
{
	my ($what) = @_;
	my $name = 'beacon_' . ++$beacons;

	sql("SELECT scheduler.schedule_job('$name', 'now', 'SELECT 1', queue => 'free')");
	await("SELECT count(*) = 1 FROM scheduler.run_history WHERE job_name = '$name'", $what);
}

add_log_table($node);
sql(q(
	CREATE TABLE switch (fails boolean);
	INSERT INTO switch VALUES (true);
	CREATE FUNCTION work() RETURNS void LANGUAGE plpgsql AS
	$$BEGIN IF (SELECT fails FROM switch) THEN RAISE 'it fails'; END IF; END$$;
	SELECT scheduler.create_queue('free'), scheduler.create_queue('base', priority => 10),
		scheduler.create_queue('upper', priority => 20, depends_on => '{base}'),
		scheduler.create_queue('impatient', depends_on => '{base}', start_timeout => '0');
	SELECT scheduler.schedule_job('base', '@yearly', 'SELECT work()', queue => 'base',
		overlap => 'allow', max_instances => 10);
	SELECT scheduler.schedule_job('tx_daily', '@yearly', 'SELECT note_run()', depends_on => '{base}');
	SELECT scheduler.alter_alert_rule('job_failing', threshold => 2);
	SELECT scheduler.alter_alert_rule('failure_rate', enabled => false)));

# The only job of the queue "base" is unhealthy, and so is the queue.
sql('SELECT count(scheduler.run_job($$base$$)) FROM generate_series(1, 2)');
await(q(SELECT state = 'unhealthy' FROM scheduler.queues WHERE queue_name = 'upper'),
	'a queue waits for one that has become unhealthy');
sql(q(SELECT scheduler.schedule_job('tx_held', 'now', 'SELECT note_run()', depends_on => '{base}');
	SELECT scheduler.schedule_job('tx_upper', 'now', 'SELECT note_run()', queue => 'upper');
	SELECT scheduler.schedule_job('tx_impatient', 'now', 'SELECT note_run()', queue => 'impatient')));
await(q(SELECT count(*) = 2 FROM scheduler.runs WHERE job_name IN ('tx_held', 'tx_upper')
	AND held_by IS NOT NULL), 'runs are held');
await(q(SELECT count(*) = 1 FROM scheduler.run_history WHERE job_name = 'tx_impatient'),
	'those of a queue without patience are not');

# Whatever dies, they stay so.
my %deaths = (
	'restart' => sub { $node->restart },
	'kill -9 of the server' => sub { kill_server($node); start_again($node) },
	'kill -9 of the scheduler' => sub {
		kill 9, scheduler_processes($node, 'scheduler');
		wait_for_server($node);
	},
	'scheduler.restart()' => sub { sql('SELECT scheduler.restart()') },
	'stop and start' => sub {
		sql(q(SELECT scheduler.stop('0')));
		$node->poll_query_until('postgres', q(SELECT state = 'stopped' FROM scheduler.health
			WHERE scope = 'scheduler')) or die 'the scheduler does not stop';
		sql('SELECT scheduler.start()');
	});
foreach my $death (sort keys %deaths)
{
	$deaths{$death}->();
	wait_for_scheduler($node);
	await_beacon("$death: what depends on nothing runs at once");
	is(runs_of('tx_held') . runs_of('tx_upper'), '00', "$death: what waits is held");
	await(q(SELECT bool_and(state = 'starting') FROM scheduler.queues WHERE queue_name = 'upper'),
		"$death: the queue is starting");
	await(q(SELECT state = 'degraded' FROM scheduler.queues WHERE queue_name = 'impatient'),
		"$death: the impatient one has gone on");
}

# Once each, when what they need is healthy again.
sql('UPDATE switch SET fails = false');
sql('SELECT scheduler.run_job($$base$$)');
await(q(SELECT count(*) = 2 FROM scheduler.run_history WHERE job_name IN ('tx_held', 'tx_upper')),
	'they go when all is healthy');
await(q(SELECT bool_and(state = 'healthy') FROM scheduler.queues), 'all queues are healthy');
await(q(SELECT bool_and(resolved_at IS NOT NULL) FROM scheduler.alerts WHERE kind <> 'repaired'),
	'no alert is open');
wait_for_quiet($node);
check_records($node, 'held and released');

# One look at the order of a start: all have waited for the lowest.
sql(q(SELECT scheduler.alter_queue('impatient', start_timeout => '1 hour', depends_on => '{upper}');
	SELECT scheduler.stop_all('0')));
# the view says so before the scheduler knows
await(q(SELECT bool_and(state = 'stopped') FROM scheduler.queue_health_state), 'all queues stop');
sql(q(SELECT count(scheduler.schedule_job('tx_last_' || q, 'now', 'SELECT note_run()', queue => q))
	FROM unnest('{upper,impatient,base}'::text[]) q));
sql(q(SELECT scheduler.start_queue('upper'), scheduler.start_queue('impatient')));
await(q(SELECT count(*) = 2 FROM scheduler.queues WHERE state = 'starting'), 'two wait for a third');
sql('SELECT scheduler.start_all()');
await(q(SELECT count(*) = 3 FROM scheduler.run_history WHERE job_name LIKE 'tx\_last\_%'),
	'and start with it');
await(q(SELECT bool_and(state = 'healthy') FROM scheduler.queues), 'all queues are healthy again');

# A dump has it all, and what was changed of the default queue.
sql(q(SELECT scheduler.alter_queue('default', max_concurrency => 7, description => 'changed');
	SELECT scheduler.alter_queue('upper', start_timeout => '42 seconds')));
my $dump = PostgreSQL::Test::Utils::tempdir() . '/dump';
my $definitions = q(SELECT kind, name, on_kind, on_name FROM scheduler.dependencies ORDER BY 1, 2, 3, 4;
	SELECT queue_name, priority, max_concurrency, enabled, depends_on, start_timeout, description
	FROM scheduler.queues ORDER BY 1);
my $before = sql($definitions);
$node->command_ok([ 'pg_dump', '-Fc', '-f', $dump, 'postgres' ], 'pg_dump');
sql('CREATE DATABASE copy');
$node->command_ok([ 'pg_restore', '--exit-on-error', '-d', 'copy', $dump ], 'pg_restore');
is($node->safe_psql('copy', $definitions), $before, 'dependencies and queues arrive');
$node->safe_psql('copy', 'SELECT scheduler.start()');
$node->safe_psql('copy', q(SELECT scheduler.pause_job('base'),
	scheduler.schedule_job('tx_copy', 'now', 'SELECT note_run()', depends_on => '{base}')));
ok( $node->poll_query_until('copy', q(SELECT held_by IS NOT NULL FROM scheduler.runs
		WHERE job_name = 'tx_copy')), 'and hold runs there');
$node->safe_psql('copy', q(SELECT scheduler.resume_job('base')));
wait_for_status($node, 'tx_copy', 'succeeded', 'copy');

$node->stop;
done_testing();
