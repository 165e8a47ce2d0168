# Metrics that Prometheus accepts, that outlive a restart of the server, and
# alerts whose causes are processes.
use strict;
use warnings;

use FindBin;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('monitoring');
$node->init;
$node->append_conf('postgresql.conf', qq{
shared_preload_libraries = 'pg_scheduler'
max_worker_processes = 32
pg_scheduler.max_workers_per_role = 0
pg_scheduler.monitor_interval = '10ms'
pg_scheduler.metrics_interval = '1s'
});
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION pg_scheduler');

sub healthy
{
	return $node->poll_query_until('postgres',
		"SELECT scheduler.status() ->> 'state' = 'healthy'");
}

# A counter as Prometheus would read it; 0 while it is not there.
sub counter
{
	my ($name) = @_;
	my $text = $node->safe_psql('postgres', 'SELECT scheduler.prometheus_metrics()');

	return $text =~ /^\Q$name\E (\S+)$/m ? $1 : 0;
}

sub await_counter
{
	my ($name, $value) = @_;

	for (1 .. 1800)
	{
		return 1 if counter($name) == $value;
		select(undef, undef, undef, 0.1);
	}
	diag "$name is " . counter($name);
	return 0;
}

ok(healthy(), 'the scheduler is healthy');

# Names of queues that need quoting
$node->safe_psql('postgres', q{
	SELECT scheduler.create_queue(E'a "strange\\\\ \n queue');
	SELECT scheduler.schedule_job('strange', '@yearly', 'SELECT 1', queue => E'a "strange\\\\ \n queue');
	SELECT scheduler.schedule_job('work', '@yearly', 'SELECT 1');
	SELECT scheduler.schedule_job('fail', '@yearly', 'SELECT 1/0');
	SELECT scheduler.run_job('strange');
	SELECT scheduler.run_job('work') FROM generate_series(1, 10);
	SELECT scheduler.run_job('fail') FROM generate_series(1, 3)});
my $succeeded = 'pg_scheduler_runs_total{database="postgres",queue="default",status="succeeded"}';
my $failed = 'pg_scheduler_runs_total{database="postgres",queue="default",status="failed"}';
ok(await_counter($succeeded, 10), 'successes are counted');
ok(await_counter($failed, 3), 'failures are counted');
ok(await_counter('pg_scheduler_run_duration_seconds_count{database="postgres",queue="default"}', 13),
	'durations are counted');

SKIP:
{
	skip 'no promtool', 2 if system('command -v promtool >/dev/null 2>&1') != 0;
	my $file = PostgreSQL::Test::Utils::tempdir() . '/metrics';
	append_to_file($file,
		$node->safe_psql('postgres', 'SELECT scheduler.prometheus_metrics()') . "\n");
	is(system("promtool check metrics < '$file'"), 0, 'promtool accepts the metrics');
	is(system("promtool check rules '$FindBin::RealBin/../../docs/grafana/pg_scheduler_rules.yml'"),
		0, 'and the rules');
}

# Another database can be told apart, whatever its name is.
$node->safe_psql('postgres', q(CREATE DATABASE "two\\1 ""b"));
$node->safe_psql('two\\1 "b', 'CREATE EXTENSION pg_scheduler');
like($node->safe_psql('two\\1 "b', 'SELECT scheduler.prometheus_metrics()'),
	qr/^pg_scheduler_up\{database="two\\\\1 \\"b"\} [01]$/m, 'samples have the name of their database');
is(join('|', grep { !/^#|\{database="postgres"[,}]/ } split /\n/,
		$node->safe_psql('postgres', 'SELECT scheduler.prometheus_metrics()') =~ s/\\n//gr),
	'', 'all of them');

# What was not run, and what began late
$node->safe_psql('postgres', q{
	SELECT scheduler.create_queue('other');
	SELECT scheduler.schedule_job('no_time', '100 milliseconds', 'SELECT pg_sleep(600)', queue => 'other');
	SELECT scheduler.schedule_job('too_late', '10 milliseconds', 'SELECT 1', misfire => 'skip', queue => 'other');
	SELECT scheduler.pause_job('too_late');
	SELECT scheduler.alter_alert_rule('late_start', threshold => 0);
	SELECT pg_sleep(0.1);
	SELECT scheduler.resume_job('too_late')});
foreach my $kind (qw(skipped missed late))
{
	my $count = qr/^pg_scheduler_${kind}_total\{database="postgres",queue="other"\} [1-9]/m;
	my $seen = 0;

	for (1 .. 1800)
	{
		$seen = $node->safe_psql('postgres', 'SELECT scheduler.prometheus_metrics()') =~ $count and last;
		select(undef, undef, undef, 0.1);
	}
	ok($seen, "what was $kind is counted");
}
like($node->safe_psql('postgres', 'SELECT scheduler.prometheus_metrics()'),
	qr/^pg_scheduler_worst_job_failures\{database="postgres",job_id="\d+",job_name="fail",queue="default"\} 3$/m,
	'the worst jobs are named');
$node->safe_psql('postgres', q{
	SELECT scheduler.unschedule_job('no_time');
	SELECT scheduler.unschedule_job('too_late');
	SELECT scheduler.reset_alert_rule('late_start')});
is($node->safe_psql('postgres', q(SELECT sum(missed) > 0, sum(skipped) > 0, sum(late) > 0 FROM scheduler.metrics)),
	't|t|t', 'and by the minute');
# Dropped jobs and restarts take nothing from the counters.
$node->safe_psql('postgres', q{SELECT scheduler.unschedule_job('work')});
$node->restart;
ok(healthy(), 'the scheduler is healthy after a restart');
is(counter($succeeded), 10, 'successes are as they were');
$node->safe_psql('postgres', q{SELECT scheduler.run_job('fail')});
ok(await_counter($failed, 4), 'and counting goes on');

# Workers that die
$node->safe_psql('postgres', q{
	SELECT scheduler.schedule_job('long', '@yearly', 'SELECT pg_sleep(600)');
	SELECT scheduler.alter_alert_rule('failure_rate', enabled => false)});
for (1 .. 4)
{
	$node->safe_psql('postgres', q{SELECT scheduler.run_job('long')});
	$node->poll_query_until('postgres',
		q{SELECT count(*) = 1 FROM scheduler.workers WHERE state = 'running'});
	$node->safe_psql('postgres',
		q{SELECT pg_terminate_backend(pid) FROM scheduler.workers WHERE state = 'running'});
	$node->poll_query_until('postgres',
		q{SELECT count(*) = 0 FROM scheduler.runs WHERE status IN ('queued', 'running')});
}
ok($node->poll_query_until('postgres',
	q{SELECT count(*) = 1 FROM scheduler.alerts WHERE kind = 'worker_restarts' AND resolved_at IS NULL}),
	'deaths of workers raise an alert');
ok(await_counter('pg_scheduler_worker_restarts_total{database="postgres"}', 4), 'and are counted');
$node->safe_psql('postgres',
	q{SELECT scheduler.alter_alert_rule('worker_restarts', "interval" => '1 ms')});
ok($node->poll_query_until('postgres',
	q{SELECT count(*) = 0 FROM scheduler.alerts WHERE kind = 'worker_restarts' AND resolved_at IS NULL}),
	'which resolves itself when they are long ago');

# All workers are busy while runs wait.
$node->safe_psql('postgres', q{
	SELECT scheduler.alter_alert_rule('workers_exhausted', "interval" => '1 ms');
	SELECT scheduler.alter_alert_rule('queue_backlog', threshold => 3);
	SELECT scheduler.alter_job('long', overlap => 'allow', max_instances => 100);
	SELECT scheduler.run_job('long') FROM generate_series(1, 200)});
ok($node->poll_query_until('postgres',
	q{SELECT count(*) = 2 FROM scheduler.alerts WHERE kind IN ('workers_exhausted', 'queue_backlog') AND resolved_at IS NULL}),
	'busy workers and a backlog raise alerts');
$node->safe_psql('postgres', q{SELECT scheduler.pause_job('long', cancel => true)});
ok($node->poll_query_until('postgres',
	q{SELECT count(*) = 0 FROM scheduler.alerts WHERE kind IN ('workers_exhausted', 'queue_backlog') AND resolved_at IS NULL}),
	'until they are not');

# By default a role leaves one worker to others.  Few runs wait: all are handed
# to its workers, in a lane, and none is executed.
$node->append_conf('postgresql.conf', 'pg_scheduler.max_workers_per_role = -1');
$node->restart;
healthy();
$node->safe_psql('postgres', q{
	SELECT scheduler.resume_job('long');
	SELECT scheduler.run_job('long') FROM generate_series(1, 10)});
ok($node->poll_query_until('postgres',
	q{SELECT scheduler.status() -> 'ready_runs' = '7' AND (SELECT running = 3 AND backlog = 7 FROM scheduler.queues WHERE queue_name = 'default')}),
	'what is in a lane waits');
ok($node->poll_query_until('postgres',
	q{SELECT count(*) = 2 FROM scheduler.alerts WHERE kind = 'queue_backlog' AND resolved_at IS NULL
		OR kind = 'workers_exhausted' AND resolved_at IS NULL AND message LIKE 'all but one of % workers, which is kept for other roles, are busy, and 7 runs wait%'}),
	'runs of one role wait for its workers');
$node->safe_psql('postgres', q{SELECT scheduler.unschedule_job('long', cancel => true)});
ok($node->poll_query_until('postgres',
	q{SELECT count(*) = 0 FROM scheduler.alerts WHERE kind IN ('workers_exhausted', 'queue_backlog') AND resolved_at IS NULL}),
	'which resolve themselves when there is room');

# Alerts that were open at a crash are resolved after it.
$node->safe_psql('postgres', q{
	SELECT scheduler.alter_alert_rule('job_failing', threshold => 1);
	SELECT scheduler.run_job('fail')});
ok($node->poll_query_until('postgres',
	q{SELECT count(*) = 1 FROM scheduler.alerts WHERE kind = 'job_failing' AND resolved_at IS NULL}),
	'a failing job raises an alert');
$node->stop('immediate');
$node->start;
ok(healthy(), 'the scheduler is healthy after a crash');
ok($node->poll_query_until('postgres',
	q{SELECT state = 'unhealthy' FROM scheduler.job_health WHERE job_name = 'fail'}),
	'a job is as unhealthy after a crash as before');
$node->safe_psql('postgres', q{
	SELECT scheduler.alter_job('fail', command => 'SELECT 1');
	SELECT scheduler.run_job('fail')});
ok($node->poll_query_until('postgres',
	q{SELECT count(*) = 0 FROM scheduler.alerts WHERE kind = 'job_failing' AND resolved_at IS NULL}),
	'its success resolves the alert that was open at the crash');

# A shorter interval of metrics holds at once.
$node->append_conf('postgresql.conf', "pg_scheduler.metrics_interval = '1h'");
$node->restart;
$node->safe_psql('postgres', q{SELECT scheduler.schedule_job('first', 'now', 'SELECT 1')});
ok($node->poll_query_until('postgres',
	q{SELECT count(*) = 1 FROM scheduler.runs WHERE job_name = 'first' AND status = 'succeeded'}),
	'a job has run');
$node->append_conf('postgresql.conf', "pg_scheduler.metrics_interval = '1s'");
$node->reload;
ok($node->poll_query_until('postgres',
	q{SELECT count(*) = 1 FROM scheduler.job_metrics WHERE job_name = 'first'}),
	'its metrics do not wait for the end of the longer interval');

# The memory of a scheduler stays what it is, whatever is judged and read again.
sub lasting_memory
{
	my $offset = -s $node->logfile;

	$node->safe_psql('postgres', q{
		SELECT pg_log_backend_memory_contexts((scheduler.status() ->> 'pid')::int)});
	$node->wait_for_log(qr/TopMemoryContext: .* used/, $offset);
	slurp_file($node->logfile, $offset) =~ /TopMemoryContext: .* (\d+) used/;
	return $1;
}

# More changes than it hears of one by one: it reads everything again.
sub make_and_drop_jobs
{
	$node->safe_psql('postgres', q{
		SELECT count(scheduler.schedule_job('brief ' || i, 'now', 'SELECT 1', max_retries => i % 2))
			FROM generate_series(1, 5000) i});
	$node->poll_query_until('postgres', q{SELECT count(*) = 0 FROM scheduler.pending_run});
	$node->safe_psql('postgres', q{
		SELECT count(scheduler.unschedule_job(job_id)) FROM scheduler.jobs WHERE job_name LIKE 'brief%'});
	$node->poll_query_until('postgres', q{SELECT count(*) = 0 FROM scheduler.job_state s
		WHERE NOT EXISTS (SELECT FROM scheduler.job j WHERE j.job_id = s.job_id)});
}

make_and_drop_jobs();
my $memory = lasting_memory();
make_and_drop_jobs() for 1 .. 2;
cmp_ok(lasting_memory() - $memory, '<', 100_000, 'a scheduler keeps no memory of what has gone');

$node->stop;
done_testing();
