#
# What cannot be judged or told is left out, and the server log and an alert say
# so; the rest of the database is judged.
#
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../perl";

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use SchedulerNode;
use Test::More;

my $node = new_node('isolated', conf => q(
pg_scheduler.log_runs = none
pg_scheduler.monitor_interval = '50ms'
));

sub sql
{
	return $node->safe_psql('postgres', $_[0]);
}

sub wait_for
{
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	wait_for_true($node, @_);
}

sub wait_for_log
{
	my ($pattern, $what) = @_;

	ok(wait_until(sub { slurp_file($node->logfile) =~ $pattern }, $what), $what);
}

# Refuse the rows of one job, or whatever a condition with its id says.
sub refuse
{
	my ($table, $condition, $name) = @_;
	my $id = sql("SELECT job_id FROM scheduler.jobs WHERE job_name = 'poison'");

	$condition =~ s/POISON/$id/g;
	sql("ALTER TABLE scheduler.$table ADD CONSTRAINT $name CHECK ($condition) NOT VALID");
}

# Two jobs fail alike; of one the health cannot be written, nor its alerts, nor
# its circuit, nor can its hooks be told.
sql(q[
	SELECT scheduler.schedule_job(name, 'every 100 milliseconds', 'SELECT 1/0', enabled => false)
		FROM unnest(ARRAY['poison', 'victim']) name;
	SELECT scheduler.set_hook(job_id, 'start', 'SELECT 1') FROM scheduler.jobs
		WHERE job_name IN ('poison', 'victim');
	SELECT scheduler.create_queue('refused');
	SELECT scheduler.create_queue('good');
	ALTER TABLE scheduler.queue_health_state ADD CONSTRAINT refused
		CHECK (queue_name <> 'refused') NOT VALID;]);
my $poison = sql("SELECT job_id FROM scheduler.jobs WHERE job_name = 'poison'");
refuse('job_health_state', 'job_id <> POISON', 'refused');
refuse('alert', "kind <> 'job_failing' OR subject <> 'job POISON'", 'refused');
refuse('job_hook', 'job_id <> POISON OR live IS NOT TRUE', 'refused');
sql('SELECT scheduler.alter_job(job_id, enabled => true) FROM scheduler.jobs WHERE serves IS NULL');

wait_for("SELECT state = 'unhealthy' FROM scheduler.job_health WHERE job_name = 'victim'",
	'another job is judged');
wait_for("SELECT count(*) > 0 FROM scheduler.alerts a JOIN scheduler.jobs USING (job_id)
	WHERE job_name = 'victim' AND a.kind = 'job_failing'", 'its alert is raised');
wait_for("SELECT count(*) > 0 FROM scheduler.run_history r JOIN scheduler.job_hook h
	ON h.hook_job_id = r.job_id JOIN scheduler.jobs j ON j.job_id = h.job_id
	WHERE j.job_name = 'victim' AND r.status = 'succeeded'", 'its hook is told');
wait_for("SELECT count(*) = 1 FROM scheduler.queue_health_state WHERE queue_name = 'good'",
	'another queue is judged');
wait_for_log(qr/judging job $poison, which is left out/, 'the log says that a job cannot be judged');
wait_for_log(qr/writing the alert "job_failing job $poison", which is left out/,
	'that an alert cannot be written');
wait_for_log(qr/judging queue "refused", which is left out/, 'that a queue cannot be judged');
wait_for_log(qr/telling the hook "start" of job $poison/, 'that a hook cannot be told');
wait_for("SELECT count(*) = 1 FROM scheduler.alerts WHERE kind = 'judgement_failed'
	AND subject = 'job $poison'", 'an alert says that the job cannot be judged');
wait_for("SELECT count(*) = 1 FROM scheduler.alerts WHERE kind = 'hook_failed'
	AND subject = 'job $poison start'", 'and that its hook cannot be told');

# Recovery: the circuit of one job cannot be opened, that of another is.
refuse('job_recovery', "job_id <> POISON OR state = 'closed'", 'refused');
sql(q[SELECT scheduler.set_recovery(job_id, error_threshold => 3, restart_delay => '1 hour')
	FROM scheduler.jobs WHERE job_name IN ('poison', 'victim')]);
wait_for("SELECT paused_reason LIKE 'held back%' FROM scheduler.jobs WHERE job_name = 'victim'",
	'a circuit is opened');
wait_for_log(qr/recovery of job $poison, which is left out/, 'the log says which cannot be');

# It becomes well again: so is said.
sql(q[
	ALTER TABLE scheduler.job_health_state DROP CONSTRAINT refused;
	ALTER TABLE scheduler.job_recovery DROP CONSTRAINT refused;
	ALTER TABLE scheduler.alert DROP CONSTRAINT refused]);
wait_for("SELECT count(*) = 0 FROM scheduler.alerts WHERE kind = 'judgement_failed'
	AND resolved_at IS NULL", 'the alert is over when the job can be judged');
wait_for("SELECT state = 'unhealthy' FROM scheduler.job_health WHERE job_name = 'poison'",
	'and its health is known');

$node->stop;
done_testing();
