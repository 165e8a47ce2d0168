#
# 042_schedule_policies.pl
#	  When a job begins and ends, what follows a run or a start of the server,
#	  changes of the clock in a zone, and changes of a schedule.
#
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../perl";
use SchedulerClock;
use Test::More;

my $node = new_clock_node('policies', '2030-01-07 09:30:00');

sub schedule
{
	my ($name, $schedule, $command, $options) = @_;

	$options = $options ? ", $options" : '';
	sql($node, "SELECT scheduler.schedule_job('$name', '$schedule', '$command' $options)");
}

sub job
{
	my ($name, $columns) = @_;

	return sql($node, "SELECT $columns FROM scheduler.jobs WHERE job_name = '$name'");
}

# The number of runs that have succeeded
sub wait_for_successes
{
	my ($name, $count) = @_;

	wait_for($node, "SELECT count(*) = $count FROM scheduler.runs
		WHERE job_name = '$name' AND status = 'succeeded'");
}

# Begin and end
schedule('max', '0 * * * *', 'SELECT 1', "max_runs => 2, misfire => 'run_all'");
schedule('ends', '0 * * * *', 'SELECT 1', "ends_at => '2030-01-07 11:00Z', misfire => 'run_all'");
schedule('starts', '2 hours', 'SELECT 1', "starts_at => '2030-01-07 10:15Z', misfire => 'run_all'");
schedule('starts cron', '0 * * * *', 'SELECT 1', "starts_at => '2030-01-07 12:00Z', misfire => 'run_all'");
schedule('once', '@at 2030-01-07 10:00', 'SELECT 1');
is(job('starts', 'next_run_at'), '2030-01-07 10:15:00+00', 'an interval begins with starts_at');
is(job('starts cron', 'next_run_at'), '2030-01-07 12:00:00+00', 'cron fields do not fire before it');
set_clock($node, '2030-01-07 13:30:00');
is_eventually($node, 'max', '07 10:00 succeeded, 07 11:00 succeeded', 'max_runs ends a job');
is_eventually($node, 'ends', '07 10:00 succeeded, 07 11:00 succeeded', 'so does ends_at');
is_eventually($node, 'starts', '07 10:15 succeeded, 07 12:15 succeeded', 'an interval counts from starts_at');
is_eventually($node, 'starts cron', '07 12:00 succeeded, 07 13:00 succeeded', 'starts_at is an occurrence');
is_eventually($node, 'once', '07 10:00 succeeded', '@at runs');
foreach my $name ('max', 'ends', 'once')
{
	wait_for($node, "SELECT state = 'finished' FROM scheduler.jobs WHERE job_name = '$name'");
	is(job($name, 'state, next_run_at IS NULL'), 'finished|t', "$name: the job says that it is finished");
}
schedule('once', '@at 2030-01-07 10:00', 'SELECT 1');
schedule('ends', '0 * * * *', 'SELECT 1', "ends_at => '2030-01-07 11:00Z', misfire => 'run_all'");
barrier($node);
is(runs_of($node, 'once'), '07 10:00 succeeded', 'a script of finished jobs can be run again');
is(job('ends', 'state'), 'finished', 'which changes nothing');
like(($node->psql('postgres',
	"SELECT scheduler.schedule_job('late', '\@at 2030-01-07 10:00', 'SELECT 1')"))[2],
	qr/can never fire/, 'what is over cannot be scheduled anew');
sql($node, "SELECT scheduler.alter_job('max', max_runs => 3)");
wait_for_successes('max', 2);
is(job('max', 'next_run_at'), '2030-01-07 14:00:00+00', 'more max_runs, and the job goes on');
set_clock($node, '2030-01-07 14:00:05');
wait_for_successes('max', 3);

# Jitter
sub jitter
{
	set_clock($node, '2030-01-07 14:30:00');
	sql($node, "UPDATE gate SET opened = false;
		SELECT scheduler.schedule_job('jitter', '0 * * * *', 'SELECT pass_gate()',
			jitter => '40 minutes', description => 'again', starts_at => '2030-01-07 14:59Z')");
	barrier($node);
	set_clock($node, '2030-01-07 15:45:00');
	wait_for($node, "SELECT count(*) = 1 FROM scheduler.runs
		WHERE job_name = 'jitter' AND status = 'running'");
	my $jitter = sql($node, 'SELECT due_at - scheduled_at FROM scheduler.pending_run p
		JOIN scheduler.job j USING (job_id) WHERE job_name = $$jitter$$');
	my $done = sql($node, "SELECT count(*) FROM scheduler.runs
		WHERE job_name = 'jitter' AND status = 'succeeded'");
	sql($node, 'UPDATE gate SET opened = true');
	wait_for_successes('jitter', $done + 1);
	return $jitter;
}

my $jitter = jitter();
like($jitter, qr/^00:[0-3]\d:/, 'a jitter is shorter than the limit');
isnt($jitter, '00:00:00', 'and is not nothing');
is(runs_of($node, 'jitter'), '07 15:00 succeeded', 'it does not change scheduled_at');
set_clock($node, '2030-01-07 14:30:00');
sql($node, "SELECT scheduler.alter_job('jitter', schedule => '0 0 1 1 *')");
$node->restart;
is(jitter(), $jitter, 'the same occurrence has the same jitter after a restart of the server');

# @reboot
set_clock($node, '2030-01-08 00:30:00');
schedule('boot', '@reboot', 'SELECT 1');
schedule('not yet', '@reboot', 'SELECT 1', "starts_at => '2040-01-01'");
barrier($node);
is(runs_of($node, 'boot'), '', '@reboot does not run when it is scheduled');
is(job('boot', 'state, next_run_at IS NULL'), 'active|t', 'it waits, without a next time');
$node->restart;
wait_for_successes('boot', 1);
ok(1, 'it runs when the server starts');
my $scheduler = "SELECT pid FROM pg_stat_activity WHERE backend_type = 'pg_scheduler scheduler'";
my $pid = sql($node, $scheduler);
sql($node, 'SELECT scheduler.restart()');
wait_for($node, "SELECT count(*) = 1 FROM ($scheduler AND pid <> $pid) AS s");
barrier($node);
wait_for_successes('boot', 1);
ok(1, 'but not when the scheduler does');
$node->restart;
wait_for_successes('boot', 2);
ok(1, 'and again at the next start of the server');
is(runs_of($node, 'not yet'), '', 'but not before starts_at');

# @after
sql($node, 'UPDATE gate SET opened = false');
schedule('after', '@after 1 hour', 'SELECT pass_gate()');
schedule('after changed', '@after 1 hour', 'SELECT pass_gate()');
set_clock($node, '2030-01-08 01:31:00');
wait_for($node, "SELECT count(*) = 1 FROM scheduler.runs
	WHERE job_name = 'after' AND status = 'running'");
is(job('after', 'next_run_at IS NULL'), 't', '@after has no next time while it runs');
wait_for($node, "SELECT count(*) = 1 FROM scheduler.runs
	WHERE job_name = 'after changed' AND status = 'running'");
sql($node, "SELECT scheduler.alter_job('after changed', schedule => '\@after 30 minutes')");
barrier($node);
set_clock($node, '2030-01-08 02:31:00');
barrier($node);
sql($node, 'UPDATE gate SET opened = true');
wait_for_successes('after', 1);
wait_for($node, "SELECT next_run_at IS NOT NULL FROM scheduler.jobs WHERE job_name = 'after'");
is(job('after', "next_run_at - (SELECT finished_at FROM scheduler.runs r WHERE r.job_id = jobs.job_id)"),
	'01:00:00', 'it counts from the end of the run');
# Half an hour after its end is over: it runs again at once.
wait_for_successes('after changed', 2);
is(job('after changed', "skipped, (SELECT max(scheduled_at) - min(finished_at) FROM scheduler.runs r
	WHERE r.job_id = jobs.job_id)"), '0|00:30:00', 'also when it was changed meanwhile');
sql($node, "SELECT scheduler.unschedule_job('after changed')");
sql($node, "SELECT scheduler.pause_job('after')");
set_clock($node, '2030-01-08 05:00:00');

# A change of the schedule
schedule('changed', '0 * * * *', 'SELECT 1');
is(job('changed', 'next_run_at'), '2030-01-08 06:00:00+00', 'the first schedule');
sql($node, "SELECT scheduler.alter_job('changed', schedule => '15 * * * *')");
is(job('changed', 'next_run_at'), '2030-01-08 05:15:00+00', 'a new one holds at once');
set_clock($node, '2030-01-08 06:00:05');
is_eventually($node, 'changed', '08 05:15 succeeded', 'the old one does not run any more');
sql($node, "SELECT scheduler.pause_job('changed')");
set_clock($node, '2030-01-08 06:20:00');
sql($node, "SELECT scheduler.alter_job('changed', schedule => '*/10 * * * *'),
	scheduler.resume_job('changed')");
is_eventually($node, 'changed', '08 05:15 succeeded, 08 06:15 succeeded',
	'what was due before the change is not lost, nor is the new schedule taken for the past');
is(job('changed', 'next_run_at'), '2030-01-08 06:30:00+00', 'then the new one holds');

# The transaction that changes the schedule ends after an occurrence that is
# part of both.
set_clock($node, '2030-01-08 06:29:57');
sql($node, q(
	BEGIN;
	SELECT scheduler.alter_job('changed', schedule => '0,30 * * * *');
	DO $$BEGIN
		WHILE NOT EXISTS (SELECT FROM scheduler.runs WHERE job_name = 'changed'
				AND scheduled_at = '2030-01-08 06:30Z' AND status = 'succeeded')
		LOOP PERFORM pg_sleep(0.02); END LOOP;
	END$$;
	COMMIT));
barrier($node);
is(runs_of($node, 'changed'), '08 05:15 succeeded, 08 06:15 succeeded, 08 06:30 succeeded',
	'an occurrence of both schedules runs once');
wait_for($node, "SELECT next_run_at = '2030-01-08 07:00Z' FROM scheduler.jobs WHERE job_name = 'changed'");

# Jitter ends before the next occurrence, so that none is lost
schedule('wide', '0 * * * *', 'SELECT 1', "jitter => '10 hours'");
set_clock($node, '2030-01-08 08:00:05');
wait_for_successes('wide', 1);
set_clock($node, '2030-01-08 09:00:05');
wait_for_successes('wide', 2);
set_clock($node, '2030-01-08 10:00:05');
is_eventually($node, 'wide', '08 07:00 succeeded, 08 08:00 succeeded, 08 09:00 succeeded',
	'each occurrence runs before the next, whatever the jitter');
sql($node, "SELECT scheduler.unschedule_job('wide')");

# Daylight saving
set_clock($node, '2030-03-30 12:00:00');
schedule('berlin', '30 2 * * *', 'SELECT 1', "timezone => 'Europe/Berlin', misfire => 'run_all'");
set_clock($node, '2030-04-01 06:00:00');
wait_for_successes('berlin', 2);
is(sql($node, "SELECT string_agg(to_char(scheduled_at AT TIME ZONE 'Europe/Berlin', 'MM-DD HH24:MI'), ', '
		ORDER BY scheduled_at) FROM scheduler.runs WHERE job_name = 'berlin'"),
	'03-31 03:30, 04-01 02:30', '02:30 runs at 03:30 when the clock skips it');
sql($node, "SELECT scheduler.unschedule_job('berlin')");
set_clock($node, '2030-10-26 12:00:00');
schedule('berlin again', '30 2 * * *', 'SELECT 1', "timezone => 'Europe/Berlin', misfire => 'run_all'");
set_clock($node, '2030-10-27 00:30:05');
wait_for_successes('berlin again', 1);
set_clock($node, '2030-10-27 01:30:05');
barrier($node);
is(runs_of($node, 'berlin again'), '27 00:30 succeeded', '02:30 runs the first time the clock shows it, and only then');
is(job('berlin again', 'next_run_at'), '2030-10-28 01:30:00+00', 'the next is tomorrow');

$node->stop;
done_testing();
