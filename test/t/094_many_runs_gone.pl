#
# Jobs with very many waiting runs are dropped, cancelled, given to another role:
# the jobs of others run meanwhile.
#
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../perl";

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use SchedulerNode;
use Test::More;
use Time::HiRes qw(time);

my $runs = $ENV{GONE_RUNS} // 20_000;
my $node = new_node('many_runs_gone', conf => q(
pg_scheduler.max_workers = 3
pg_scheduler.log_runs = none
log_error_verbosity = terse
));

sub sql
{
	return $node->safe_psql('postgres', $_[0]);
}

sub wait_for
{
	my ($query, $what) = @_;

	ok(wait_until(sub { (try_sql($node, $query) // '') eq 't' }, $what), $what);
}

# Runs of the victim, and the longest time between two of them, since a time
sub since
{
	my ($at) = @_;

	return split /\|/, sql("SELECT count(*), COALESCE(max(round(1000 * extract(epoch FROM gap))), 0) FROM
		(SELECT started_at - lag(started_at) OVER (ORDER BY started_at) AS gap
			FROM scheduler.runs WHERE job_name = 'victim' AND started_at >= '$at') r");
}

# A job with many runs, all of which wait
sub make_greedy
{
	my ($name) = @_;

	sql("SET ROLE greedy;
		SELECT scheduler.schedule_job('$name', '\@yearly', 'SELECT pg_sleep(1000)', overlap => 'queue', queue => 'closed')");
	sql("SET ROLE greedy; SELECT count(scheduler.run_job('$name')) FROM generate_series(1, $runs)");
	wait_for("SELECT (scheduler.status() ->> 'pending_runs')::int >= $runs", "$runs runs wait");
}

# Do something, wait for what comes of it, and see that the victim runs on.
sub while_the_victim_runs
{
	my ($what, $do, $until) = @_;
	my $begun = time;

	sql($do);
	my $at = sql('SELECT clock_timestamp()');
	my $done = time;
	wait_for($until, "$what: done");
	my $settled = time;
	my ($count, $gap) = since($at);

	note(sprintf('%s: %.1f s, settled after %.1f s; the victim ran %d times, with a gap of %d ms',
			$what, $done - $begun, $settled - $done, $count, $gap));
	# it is due each 100 ms; on a busy machine, too, it has some runs
	cmp_ok($count, '>=', int(($settled - $done) / 2), "$what: the jobs of others run on");
}

sql(q[
	CREATE ROLE greedy LOGIN; CREATE ROLE other LOGIN; CREATE ROLE victim LOGIN;
	SELECT scheduler.create_queue('closed', enabled => false);
	SELECT scheduler.schedule_job('victim', 'every 100 milliseconds', 'SELECT 1', run_as => 'victim');]);
wait_for("SELECT count(*) > 3 FROM scheduler.runs WHERE job_name = 'victim' AND status = 'succeeded'", 'the victim runs');

make_greedy('dropped');
while_the_victim_runs('unschedule_job', "SET ROLE greedy; SELECT scheduler.unschedule_job('dropped')",
	"SELECT (scheduler.status() ->> 'pending_runs')::int < 10");

make_greedy('paused');
while_the_victim_runs('pause_job with cancel', "SET ROLE greedy; SELECT scheduler.pause_job('paused', cancel => true)",
	"SELECT (scheduler.status() ->> 'pending_runs')::int < 10");
sql("SET ROLE greedy; SELECT scheduler.unschedule_job('paused')");

make_greedy('moved');
while_the_victim_runs('alter_job run_as', "SELECT scheduler.alter_job(job_id, run_as => 'other')
		FROM scheduler.jobs WHERE job_name = 'moved'",
	"SELECT count(*) = 0 FROM scheduler.pending_run WHERE owner = 'greedy'::regrole");

while_the_victim_runs('cancel one by one', "SET ROLE other; SELECT count(scheduler.cancel_run(run_id))
		FROM scheduler.runs WHERE job_name = 'moved' AND status = 'queued'",
	"SELECT (scheduler.status() ->> 'pending_runs')::int < 10");

$node->stop;
done_testing();
