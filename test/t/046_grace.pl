#
# 046_grace.pl
#	  Runs that have waited for longer than their jobs want are missed, wherever
#	  they wait, and while they do.
#
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../perl";
use SchedulerClock;
use Test::More;

my $node = new_clock_node('grace', '2030-01-07 09:30:00');
my $grace = "misfire_grace => '10 minutes'";

$node->append_conf('postgresql.conf', "pg_scheduler.max_workers = 2\n");
$node->restart;

sub schedule
{
	my ($name, $options) = @_;

	sql($node, "SELECT scheduler.schedule_job('$name', '0 * * * *', 'SELECT 1', $options)");
}

sub is_missed_for
{
	my ($job, $reason) = @_;

	is(sql($node, "SELECT error_message FROM scheduler.runs WHERE job_name = '$job' AND status = 'missed'
		ORDER BY run_id DESC LIMIT 1"), "the run could not begin in time: $reason", "$job: why");
}

sub queued
{
	my ($job, $n) = @_;

	wait_for($node, "SELECT count(*) = $n FROM scheduler.runs WHERE job_name = '$job' AND status = 'queued'");
	pass("$job: waits");
}

sql($node, q(SELECT scheduler.create_queue('closed'), scheduler.create_queue('narrow', max_concurrency => 1)));
sql($node, q(SELECT scheduler.stop_queue('closed')));

# In a queue that is stopped
schedule('stopped', "queue => 'closed', $grace");
schedule('stopped, skip', "queue => 'closed', misfire => 'skip'");
schedule('stopped, for ever', "queue => 'closed'");
schedule('stopped, later', "queue => 'closed'");
sql($node, q(SELECT scheduler.schedule_job('asked for', '@yearly', 'SELECT 1', queue => 'closed', misfire_grace => '1 minute')));
sql($node, q(SELECT scheduler.run_job('asked for')));
set_clock($node, '2030-01-07 10:00:05');
queued($_, 1) foreach 'stopped', 'stopped, skip', 'stopped, for ever', 'stopped, later';
set_clock($node, '2030-01-07 10:05:00');
is_eventually($node, 'stopped, skip', '07 10:00 missed', 'misfire "skip": after a minute, while the queue is stopped');
barrier($node);
is(runs_of($node, 'stopped'), '07 10:00 queued', 'within its grace a run waits');
set_clock($node, '2030-01-07 10:10:10');
is_eventually($node, 'stopped', '07 10:00 missed', 'misfire_grace: while the queue is stopped');
is_missed_for('stopped', 'queue "closed" was stopped');
barrier($node);
is(runs_of($node, 'stopped, for ever'), '07 10:00 queued', 'without a limit it waits for ever');
like(runs_of($node, 'asked for'), qr/^07 09:3\d queued$/, 'and so does what somebody has asked for');
is(sql($node, "SELECT missed FROM scheduler.jobs WHERE job_name = 'stopped'"), '1', 'it is counted');

# The limit comes after the run
sql($node, "SELECT scheduler.alter_job('stopped, later', $grace)");
is_eventually($node, 'stopped, later', '07 10:00 missed', 'a limit that is set while the run waits');

# A paused job
schedule('paused', "queue => 'closed', $grace");
set_clock($node, '2030-01-07 11:00:05');
queued('paused', 1);
sql($node, q(SELECT scheduler.pause_job('paused'); SELECT scheduler.start_queue('closed')));
is_eventually($node, 'stopped, for ever', '07 10:00 succeeded, 07 11:00 skipped', 'the queue goes on');
set_clock($node, '2030-01-07 11:15:00');
is_eventually($node, 'paused', '07 11:00 missed', 'a run whose job is paused');
is_missed_for('paused', 'its job was paused');

# All workers are busy; the role has one
sql($node, q(SELECT scheduler.schedule_job('busy', '@yearly', 'SELECT pass_gate()')));
my $busy = sql($node, q(SELECT scheduler.run_job('busy')));
wait_for($node, "SELECT count(*) = 1 FROM scheduler.runs WHERE run_id = $busy AND status = 'running'");
schedule('no worker', $grace);
schedule('second', "queue => 'narrow', $grace");
schedule('third', "queue => 'narrow', $grace");
set_clock($node, '2030-01-07 12:00:05');
queued($_, 1) foreach 'no worker', 'second', 'third';
set_clock($node, '2030-01-07 12:15:00');
is_eventually($node, $_, '07 12:00 missed', "$_: no worker comes in time") foreach 'no worker', 'second', 'third';
is_missed_for('no worker', 'no worker was free');
set_clock($node, '2030-01-07 13:00:05');
queued('no worker', 1);
sql($node, 'UPDATE gate SET opened = true');
is_eventually($node, 'no worker', '07 12:00 missed, 07 13:00 succeeded', 'in time it runs');

# The server is down
sql($node, q(SELECT scheduler.stop_queue('closed')));
sql($node, q(SELECT scheduler.resume_job('paused')));
set_clock($node, '2030-01-07 14:00:05');
wait_for($node, q(SELECT count(*) = 1 FROM scheduler.runs WHERE job_name = 'paused' AND status = 'queued'
	AND scheduled_at = '2030-01-07 14:00Z'));
$node->stop;
set_clock($node, '2030-01-07 14:40:00');
$node->start;
sql($node, q(SELECT scheduler.start_queue('closed')));
wait_for($node, q(SELECT count(*) = 1 FROM scheduler.runs WHERE job_name = 'paused' AND status = 'missed'
	AND scheduled_at = '2030-01-07 14:00Z'));
pass('a run that waited while the server was down');

$node->stop;
done_testing();
