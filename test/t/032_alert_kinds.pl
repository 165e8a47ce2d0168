# Alerts of the scheduler as a whole, from their causes to their ends; what
# monitoring that is turned off does not do; and one look at everything while
# the scheduler stands still and tables are locked.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../perl";
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use SchedulerNode;
use Test::More;

my $node = new_node('kinds', conf => q(
pg_scheduler.monitor_interval = '10ms'
pg_scheduler.metrics_interval = '1s'
pg_scheduler.repair_interval = '1h'
pg_scheduler.worker_idle_timeout = '1h'
pg_scheduler.max_workers = 1
));
my $sql = sub { $node->safe_psql('postgres', $_[0]) };

sub open_alerts { $sql->(qq(SELECT count(*) FROM scheduler.alerts WHERE kind = '$_[0]' AND resolved_at IS NULL)) }

sub await_alerts
{
	my ($kind, $n, $name) = @_;

	ok($node->poll_query_until('postgres', qq(SELECT count(*) = $n FROM scheduler.alerts
		WHERE kind = '$kind' AND resolved_at IS NULL)), $name);
}

sub restart_scheduler
{
	my $pid = $sql->(q(SELECT scheduler.status() ->> 'pid'));

	$sql->('SELECT scheduler.restart()');
	$node->poll_query_until('postgres',
		qq(SELECT s ->> 'state' = 'healthy' AND s ->> 'pid' <> '$pid' FROM scheduler.status() s));
}

#
# A worker whose memory grows: each run has more tables in its caches
#
$sql->(q(
	DO $$
	BEGIN
		FOR i IN 1 .. 1000 LOOP
			EXECUTE format('CREATE TABLE leak_%s (i int PRIMARY KEY)', i);
		END LOOP;
	END$$;
	CREATE SEQUENCE leaked;
	CREATE FUNCTION leak() RETURNS void LANGUAGE plpgsql AS $$
	BEGIN
		FOR i IN 1 .. 10 LOOP
			EXECUTE format('SELECT FROM leak_%s WHERE i = 1', nextval('leaked') % 1000 + 1);
		END LOOP;
	END$$;
	SELECT scheduler.alter_alert_rule('memory_growth', "interval" => '3 seconds');
	SELECT scheduler.schedule_job('leak', 'every 100 milliseconds', 'SELECT leak()')));
await_alerts('memory_growth', 1, 'memory that grows raises an alert');
is($sql->(q(SELECT state, reason FROM scheduler.health WHERE scope = 'scheduler')),
	'degraded|the memory of a worker keeps growing', 'and is a matter of health');
cmp_ok($sql->(q(SELECT s -> 'workers' -> 'memory' FROM scheduler.status() s)), '>', 0, 'status() says how much');
cmp_ok($sql->(q(SELECT max(worker_memory) FROM scheduler.scheduler_metrics)), '>', 0, 'the minutes do');
cmp_ok($sql->(q(SELECT max(memory) FROM scheduler.workers)), '>', 0, 'and workers');
like($sql->('SELECT scheduler.prometheus_metrics()'), qr/^pg_scheduler_worker_memory_bytes\{database="postgres"\} [1-9]/m, 'and metrics');
$sql->(q(SELECT scheduler.pause_job('leak')));
await_alerts('memory_growth', 0, 'which is over when it grows no more');
is($sql->(q(SELECT state FROM scheduler.health WHERE scope = 'scheduler')), 'healthy', 'health comes back');

#
# A job that nobody would run again
#
$sql->(q(
	SELECT scheduler.schedule_job('stalled', '@yearly', 'SELECT 1');
	SELECT scheduler.schedule_job('tick', 'every 1 second', 'SELECT 1')));
wait_for_status($node, 'tick', 'succeeded');
$sql->(q(UPDATE scheduler.job_state SET next_run_at = NULL
	WHERE job_id = (SELECT job_id FROM scheduler.jobs WHERE job_name = 'stalled')));
await_alerts('job_without_next_time', 1, 'a job without a next time raises an alert');
$sql->(q(SELECT scheduler.alter_job('stalled', schedule => '@monthly')));
await_alerts('job_without_next_time', 0, 'which is over when it has one');

#
# History that cannot be dropped
#
$sql->(q(
	CREATE TABLE scheduler.run_history_20200101 PARTITION OF scheduler.run_history
		FOR VALUES FROM ('2020-01-01 UTC') TO ('2020-01-02 UTC');
	ALTER EXTENSION pg_scheduler ADD TABLE scheduler.run_history_20200101));
my $reader = begin_session($node, 'postgres', on_error_stop => 1);
$reader->query_safe('BEGIN; SELECT count(*) FROM scheduler.run_history_20200101');
restart_scheduler();
await_alerts('history_upkeep', 1, 'retention that is behind raises an alert');
is($sql->(q(SELECT severity FROM scheduler.alerts WHERE kind = 'history_upkeep')), 'error', 'with its severity');
$reader->query_safe('COMMIT');
$reader->quit;
restart_scheduler();
await_alerts('history_upkeep', 0, 'which is over when it has caught up');
is($sql->(q(SELECT to_regclass('scheduler.run_history_20200101') IS NULL)), 't', 'the partition has gone');

#
# History that has no place for today
#
my ($today) = $sql->(q(SELECT 'scheduler.run_history_' || to_char(now() AT TIME ZONE 'UTC', 'YYYYMMDD')));
$sql->("ALTER EXTENSION pg_scheduler DROP TABLE $today; DROP TABLE $today");
my $owner = begin_session($node, 'postgres', on_error_stop => 1);
$owner->query_safe('BEGIN; LOCK TABLE scheduler.run_history IN SHARE UPDATE EXCLUSIVE MODE');
restart_scheduler();
await_alerts('enqueue_failed', 1, 'a day without a partition raises an alert');
is($sql->(q(SELECT severity || ': ' || message FROM scheduler.alerts WHERE kind = 'enqueue_failed')),
	'critical: no run begins, for the history has no partition of today; see the server log', 'which says that runs wait');
$owner->query_safe('COMMIT');
$owner->quit;
await_alerts('enqueue_failed', 0, 'it is over when there is one');

#
# Monitoring off and on
#
$sql->(q(SELECT scheduler.unschedule_job('tick')));
$sql->(q(SELECT scheduler.schedule_job('fail', '@yearly', 'SELECT 1/0');
	SELECT scheduler.alter_alert_rule('job_failing', threshold => 1);
	SELECT scheduler.clear_alerts()));
$node->append_conf('postgresql.conf', "pg_scheduler.monitoring = off\n");
$node->reload;
restart_scheduler();
my $run = $sql->(q(SELECT scheduler.run_job('fail')));
$sql->(qq(SELECT scheduler.wait_for_run($run, '1 minute')));
ok($node->poll_query_until('postgres', q(SELECT sum(failed) = 1 FROM scheduler.job_metrics WHERE job_name = 'fail')),
	'without monitoring a failure is counted');
is(open_alerts('job_failing'), '0', 'and raises no alert');
$node->append_conf('postgresql.conf', "pg_scheduler.monitoring = on\n");
$node->reload;
await_alerts('job_failing', 1, 'which it does when monitoring is on again');

#
# One look at a scheduler that stands still
#
my @looks = map { "SELECT $_" } qw(scheduler.status() scheduler.health_summary() scheduler.dashboard()
  scheduler.prometheus_metrics());
push @looks, map { "SELECT count(*) FROM (SELECT * FROM scheduler.$_) x" } qw(health job_health queues job_stats
  metrics job_metrics scheduler_metrics alerts alert_rules alert_checks alert_handlers workers jobs runs dead_letters
  job_recoveries recovery_events http_responses);

sub look
{
	my ($what, $options) = @_;
	my @failed;

	foreach my $look (@looks)
	{
		my ($ret, $out, $err) = $node->psql('postgres', "SET statement_timeout = '10s'; $look");
		push @failed, "$look: $err" if $ret != 0;
	}
	is(join("\n", @failed), '', $what);
}

my $pid = $sql->(q(SELECT scheduler.status() ->> 'pid'));
kill 'STOP', $pid;
like(($node->psql('postgres', q(SELECT scheduler.check_now('100 milliseconds'))))[2],
	qr/WARNING:  not everything has been judged within the timeout/, 'a check that nobody answers ends');
look('all answer while the scheduler is stopped');
my $writer = begin_session($node, 'postgres', on_error_stop => 1);
$writer->query_safe('BEGIN; LOCK TABLE scheduler.job, scheduler.job_state, scheduler.run_history,
	scheduler.alert, scheduler.queue, scheduler.metric_minute IN EXCLUSIVE MODE');
look('and while somebody keeps all writers out');
$writer->query_safe('ROLLBACK');
$writer->query_safe('BEGIN; LOCK TABLE scheduler.job, scheduler.run_history IN ACCESS EXCLUSIVE MODE');
@looks = ('SELECT scheduler.status()');
look('status() even while nobody may read');
is($sql->(q(SELECT scheduler.status() ->> 'jobs' IS NULL)), 't', 'which does without the jobs');
$writer->query_safe('ROLLBACK');
kill 'CONT', $pid;
$writer->quit;
ok($node->poll_query_until('postgres', q(SELECT scheduler.status() ->> 'state' = 'healthy')), 'it goes on');

#
# Connections that are reserved are none that can be had
#
$sql->(q(SELECT scheduler.alter_alert_rule('connections', threshold => 0.5)));
$node->append_conf('postgresql.conf', "max_connections = 30\nsuperuser_reserved_connections = 24\n");
$node->restart;
is( $sql->(q(SELECT c ->> 'max', c ->> 'reserved' FROM (SELECT scheduler.status() -> 'connections' AS c) s)),
	'30|24', 'connections in status()');
is($sql->(q(SELECT scheduler.check_now() IS NOT NULL)), 't', 'few are in use');
is(open_alerts('connections'), 0, 'and there is no alert');
my @clients = map { begin_session($node, 'postgres') } 1 .. 4;
$sql->(q(SELECT scheduler.check_now() IS NOT NULL));
like($sql->(q(SELECT message FROM scheduler.alerts WHERE kind = 'connections' AND resolved_at IS NULL)),
	qr/^\d of 6 connections of the server are used \(24 more are reserved\)$/, 'many of those that can be had raise one');
$sql->(q(SELECT scheduler.schedule_job('something to do', '1 second', 'SELECT 1')));
ok($node->poll_query_until('postgres', q(SELECT count(*) > 0 FROM scheduler.scheduler_metrics
	WHERE connections >= 5 AND max_connections = 30 AND reserved_connections = 24)), 'the minutes have them');
$_->quit foreach @clients;
await_alerts('connections', 0, 'it ends with them');

$node->stop;
done_testing();
