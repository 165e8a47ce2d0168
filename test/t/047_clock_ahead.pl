# A clock that was ahead and is set right: jobs go on, retries come at their
# distance, history stays, and it is said.
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../perl";
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use SchedulerNode;
use Test::More;

my $node = new_node('ahead', conf => "pg_scheduler.max_workers = 4\n");

sub sql { return $node->safe_psql('postgres', $_[0]) }

sub await
{
	my ($query, $what) = @_;

	ok($node->poll_query_until('postgres', "SELECT ($query)"), $what);
}

sub set_offset
{
	my ($offset) = @_;

	sql("ALTER SYSTEM SET pg_scheduler.clock_offset = '$offset'");
	$node->reload;
	await("SELECT current_setting('pg_scheduler.clock_offset')::interval = '$offset'::interval", "the clock is at $offset");
}

sub await_jump
{
	my ($offset) = @_;

	# the scheduler has seen it when it says so
	await("SELECT count(*) > 0 FROM scheduler.scheduler_mark WHERE seen_at > now() + interval '300 days'",
		'the scheduler has seen that');
}

sql(q(
	CREATE TABLE partition_days AS SELECT now() AS at;
	SELECT scheduler.schedule_job('second', '1 second', 'SELECT 1');
	SELECT scheduler.schedule_job('cron', '* * * * * *', 'SELECT 1', misfire => 'skip');
	SELECT scheduler.schedule_job('daily', '0 0 * * *', 'SELECT 1', misfire => 'skip');
	SELECT scheduler.schedule_job('after', '@after 1 second', 'SELECT 1');
	SELECT scheduler.schedule_job('retries', '@at 2199-12-31', 'SELECT 1/0', max_retries => 3, retry_delay => '15 seconds', backoff => 'fixed', retry_jitter => false);
	SELECT scheduler.schedule_job('once', '@at 2199-12-31', 'SELECT 1')));
await(q(SELECT count(*) = 3 FROM (SELECT job_name FROM scheduler.runs WHERE status = 'succeeded' GROUP BY 1) r), 'three jobs run');
my $partitions = sql(q(SELECT count(*) FROM pg_inherits WHERE inhparent = 'scheduler.run_history'::regclass));
my $history = sql(q(SELECT count(*) FROM scheduler.runs));

#
# A year ahead, and right again
#
set_offset('365d');
await_jump();
sql(q(SELECT scheduler.run_job('retries')));
sql(q(SELECT scheduler.schedule_job('made_then', '2 seconds', 'SELECT 1')));
await(q(SELECT count(*) = 1 FROM scheduler.runs WHERE job_name = 'retries' AND status = 'failed'), 'a run waits for its retry');
await(q(SELECT count(*) > 0 FROM scheduler.runs WHERE job_name = 'second' AND status = 'succeeded' AND started_at > now() + interval '300 days'),
	'jobs run in that year');
cmp_ok(sql(q(SELECT count(*) FROM scheduler.runs)), '>=', $history, 'history is there');
cmp_ok(sql(q(SELECT count(*) FROM pg_inherits WHERE inhparent = 'scheduler.run_history'::regclass)), '>=', $partitions, 'all of its partitions');
set_offset('0');
await(q(SELECT count(*) = 1 FROM scheduler.alerts WHERE kind = 'clock_changed' AND resolved_at IS NULL), 'an alert says so');
is(sql(q(SELECT count(*), bool_and(reason ~ 'was set back') FROM scheduler.recovery_events WHERE action = 'clock')), '1|t', 'and an event');
my $now = sql('SELECT now()');
foreach my $job (qw(second cron after made_then))
{
	await("SELECT count(*) > 1 FROM scheduler.runs WHERE job_name = '$job' AND status = 'succeeded' AND finished_at BETWEEN '$now' AND now()",
		"job $job goes on");
}
cmp_ok(sql(q(SELECT extract(epoch FROM next_run_at - now()) FROM scheduler.jobs WHERE job_name = 'daily')), '<=', 86400, 'the next day comes next');
is(sql(q(SELECT extract(year FROM next_run_at) FROM scheduler.jobs WHERE job_name = 'once')), 2199, 'a time that was named stays');
await(q(SELECT count(*) > 1 FROM scheduler.run_history WHERE job_name = 'retries'), 'the retry comes after the time it had to wait');
await(q(SELECT last_status = 'succeeded' AND last_run_at <= clock_timestamp() FROM scheduler.jobs WHERE job_name = 'second'), 'what came last is no year ahead');
my $counts = sql(q(SELECT succeeded FROM scheduler.jobs WHERE job_name = 'daily'));
$node->restart;
await(q(SELECT scheduler.status() ->> 'state' = 'healthy'), 'after a restart');
await(q(SELECT (SELECT succeeded FROM scheduler.jobs WHERE job_name = 'second') BETWEEN
		(SELECT count(*) - 2 FROM scheduler.run_history WHERE job_name = 'second' AND status = 'succeeded') AND
		(SELECT count(*) + 2 FROM scheduler.run_history WHERE job_name = 'second' AND status = 'succeeded')),
	'nothing is counted twice');

#
# Right again only after a restart, so that nobody sees it being set
#
sql(q(SELECT scheduler.resolve_alerts('clock_changed')));
set_offset('365d');
await_jump();
await(q(SELECT count(*) > 0 FROM scheduler.runs WHERE job_name = 'cron' AND status = 'succeeded' AND started_at > now() + interval '300 days'), 'a year ahead again');
$node->append_conf('postgresql.auto.conf', 'pg_scheduler.clock_offset = 0');
$node->stop('immediate');
$node->start;
await(q(SELECT count(*) = 1 FROM scheduler.alerts WHERE kind = 'clock_changed' AND resolved_at IS NULL), 'the next scheduler sees it');
$now = sql('SELECT now()');
foreach my $job (qw(second cron after made_then))
{
	await("SELECT count(*) > 1 FROM scheduler.runs WHERE job_name = '$job' AND status = 'succeeded' AND finished_at BETWEEN '$now' AND now()",
		"job $job goes on");
}

#
# Up to an hour is nobody's business
#
sql(q(SELECT scheduler.resolve_alerts('clock_changed')));
set_offset('50min');
await(q(SELECT count(*) > 0 FROM scheduler.runs WHERE job_name = 'cron' AND status = 'succeeded' AND started_at > now() + interval '40 minutes'), 'a little ahead');
set_offset('0');
await(q(SELECT count(*) > 1 FROM scheduler.runs WHERE job_name = 'retries' AND status = 'failed'), 'time goes by');
is(sql(q(SELECT count(*) FROM scheduler.runs WHERE job_name = 'cron' AND status = 'succeeded' AND started_at <= clock_timestamp()
		AND scheduled_at > clock_timestamp())), 0, 'nothing runs twice');
is(sql(q(SELECT count(*) FROM scheduler.alerts WHERE kind = 'clock_changed' AND resolved_at IS NULL)), 0, 'and nothing is said');

#
# A next time that cannot be right
#
sql(q(UPDATE scheduler.job_state SET next_run_at = now() + interval '2 years' WHERE job_id = (SELECT job_id FROM scheduler.jobs WHERE job_name = 'daily');
	SELECT scheduler.restart()));
await(q(SELECT next_run_at > now() + interval '1 year' FROM scheduler.jobs WHERE job_name = 'daily'), 'a next time that nobody understands');
await(q(SELECT scheduler.status() ->> 'state' = 'healthy'), 'the scheduler has read it');
sql(q(SELECT scheduler.recover('daily')));
await(q(SELECT next_run_at < now() + interval '2 days' FROM scheduler.jobs WHERE job_name = 'daily'), 'recover() sets it right');

$node->stop;
done_testing();
