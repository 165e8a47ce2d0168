#
# Who has much to do does not keep out who has little: between roles, between
# queues of a role, between roles in a queue with a limit.
#
# Runs are numbered as they begin.  When all workers are at work for the crowd,
# somebody else's single run becomes due.  When the scheduler knows, what these
# workers have in hand may end, and a few more runs of the crowd, and those that begin after them wait until the single run is
# over.  If it had to wait for more of the crowd, all would wait for ever.
#
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../perl";

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use SchedulerNode;
use Test::More;

my $workers = 2;
my $crowd = 3000;
my $few = 2;
my @tenants = map { "tenant_$_" } 1 .. 5;
my $node = new_node('fairness', conf => "pg_scheduler.max_workers = $workers\n");

sub sql
{
	return $node->safe_psql('postgres', $_[0]);
}

sql(q(
	CREATE SEQUENCE beginning;
	CREATE TABLE gate (last bigint, open boolean);
	INSERT INTO gate VALUES (NULL, true);
	CREATE TABLE beginnings (n bigint, job_name text, run_id bigint);
	GRANT ALL ON beginning, gate, beginnings TO PUBLIC;
	CREATE FUNCTION begin_run() RETURNS void LANGUAGE plpgsql AS $$
	DECLARE
		n bigint := nextval('beginning');
	BEGIN
		INSERT INTO beginnings VALUES (n, current_setting('pg_scheduler.job_name'),
			current_setting('pg_scheduler.run_id')::bigint);
		WHILE EXISTS (SELECT FROM gate WHERE NOT open AND n > last)
			AND current_setting('pg_scheduler.job_name') LIKE 'crowd%' LOOP
			PERFORM pg_advisory_xact_lock_shared(7), pg_sleep(0.005);
		END LOOP;
	END $$));
sql("CREATE ROLE $_ LOGIN") foreach 'crowd', @tenants;

sub schedule
{
	my ($name, $role, $queue) = @_;

	sql("SELECT scheduler.schedule_job('$name', '\@yearly', 'SELECT begin_run()', run_as => '$role',
		queue => '$queue', overlap => 'allow', max_instances => 1000000)");
}

sub run_many
{
	my ($name, $count) = @_;

	sql("SELECT count(scheduler.run_job(job_id)) FROM scheduler.jobs, generate_series(1, $count)
		WHERE job_name = '$name'");
}

# The crowd is at work; then the others come, with one run each.
sub try_others
{
	my ($what, $at_once, $crowd_job, @others) = @_;
	my $names = join(',', map { "'$_'" } @others);
	my $may_begin = $at_once + $few;

	sql('TRUNCATE beginnings; UPDATE gate SET open = false, last = 0');
	run_many($crowd_job, $crowd);
	$node->poll_query_until('postgres', "SELECT count(*) = $at_once FROM pg_locks
		WHERE locktype = 'advisory' AND objid = 7") or die 'the crowd does not wait';
	sql("SELECT count(scheduler.run_job(job_id)) FROM scheduler.jobs WHERE job_name IN ($names)");
	$node->poll_query_until('postgres', q(SELECT (scheduler.status() ->> 'pending_runs')::bigint =
		(SELECT count(*) FROM scheduler.pending_run))) or die 'the scheduler has not seen them';
	# A worker that the crowd cannot use is theirs: the queue does not wait while it starts.
	$node->poll_query_until('postgres', q(SELECT count(*) = 1 FROM scheduler.workers
		WHERE state = 'idle' AND role <> 'crowd'::regrole)) or die 'the others have no worker'
	  if $at_once < $workers;
	sql("UPDATE gate SET last = (SELECT last_value FROM beginning) + $few");
	ok( $node->poll_query_until('postgres', 'SELECT count(*) = ' . @others . "
			FROM scheduler.run_history WHERE status = 'succeeded' AND job_name IN ($names)
			AND run_id IN (SELECT run_id FROM beginnings)"),
		"$what: other runs do not wait for more than $may_begin of $crowd");
	cmp_ok(
		sql("SELECT count(*) FROM scheduler.run_history h, gate WHERE status = 'succeeded'
			AND run_id IN (SELECT run_id FROM beginnings b WHERE b.n > gate.last)
			AND job_name = '$crowd_job'"),
		'==', 0, "$what: until then no more of the crowd has ended");
	sql('UPDATE gate SET open = true, last = NULL');
	ok( $node->poll_query_until('postgres', "SELECT count(*) = $crowd FROM scheduler.run_history
			WHERE status = 'succeeded' AND job_name = '$crowd_job'
			AND run_id IN (SELECT run_id FROM beginnings)"),
		"$what: then the crowd goes on");
	is( sql("SELECT count(*) FROM scheduler.run_history h
			JOIN (SELECT max(started_at) AS started_at, min(scheduled_at) AS due FROM scheduler.run_history
				WHERE job_name IN ($names) AND run_id IN (SELECT run_id FROM beginnings)) o
			ON h.started_at > o.due AND h.started_at < o.started_at
			WHERE job_name = '$crowd_job' AND run_id IN (SELECT run_id FROM beginnings)
			HAVING count(*) > $may_begin"),
		'', "$what: so say the records");
}

sql("SELECT scheduler.create_queue('other'), scheduler.create_queue('narrow', max_concurrency => 1)");
schedule('crowd', 'crowd', 'default');
schedule('crowd narrow', 'crowd', 'narrow');
schedule('crowd other', 'crowd', 'other');
schedule('single', 'crowd', 'other');
schedule('single narrow', 'tenant_1', 'narrow');
schedule($_, $_, 'default') foreach @tenants;

try_others('two roles', 2, 'crowd', 'tenant_1');
try_others('several roles', 2, 'crowd', @tenants);
try_others('two queues of a role', 2, 'crowd', 'single');
try_others('two roles in a queue with a limit', 1, 'crowd narrow', 'single narrow');

# Two crowds in two queues of one role take turns.
sql('TRUNCATE beginnings');
sql(q(UPDATE gate SET open = false, last = 0));
run_many('crowd', $crowd);
run_many('crowd other', $crowd);
$node->poll_query_until('postgres', "SELECT count(*) = 2 * $crowd FROM scheduler.runs
	WHERE status IN ('queued', 'running')") or die 'crowds are not due';
sql('UPDATE gate SET open = true');
$node->poll_query_until('postgres', "SELECT count(*) = 2 * $crowd FROM scheduler.run_history
	WHERE run_id IN (SELECT run_id FROM beginnings)") or die 'crowds do not end';
cmp_ok(
	sql("SELECT max(abs(2 * a - i)) FROM (SELECT count(*) FILTER (WHERE job_name = 'crowd')
			OVER (ORDER BY n) AS a, row_number() OVER (ORDER BY n) AS i FROM beginnings) x
		WHERE i > 1"),
	'<=', 300, 'two queues of a role take turns');

# A role has no more workers than it may have, and others have the rest.
$node->append_conf('postgresql.conf', 'pg_scheduler.max_workers_per_role = 1');
$node->reload;
sql(q(SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
	WHERE backend_type = 'pg_scheduler worker'));
$node->poll_query_until('postgres', 'SELECT count(*) = 0 FROM scheduler.workers') or die;
sql('TRUNCATE beginnings');
sql(q(UPDATE gate SET open = false, last = 0));
run_many('crowd', 10);
wait_for_running($node, 'crowd');
run_many('tenant_2', 1);
ok( $node->poll_query_until('postgres', q(SELECT count(*) = 1 FROM scheduler.run_history
		WHERE job_name = 'tenant_2' AND run_id IN (SELECT run_id FROM beginnings))),
	'max_workers_per_role: a worker is left for another role');
is( sql(q(SELECT count(*) FROM scheduler.workers WHERE role = 'crowd'::regrole)),
	'1', 'max_workers_per_role: the crowd has one');
sql('UPDATE gate SET open = true');
wait_for_quiet($node);

$node->stop;
done_testing();
