#
# 040_misfire.pl
#	  What becomes of occurrences that were due while the server was down, the
#	  job paused, or the clock moved.
#
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../perl";
use SchedulerClock;
use Test::More;

my $node = new_clock_node('misfire', '2030-01-07 09:30:00');

sub schedule
{
	my ($name, $options) = @_;

	sql($node, "SELECT scheduler.schedule_job('$name', '0 * * * *', 'SELECT 1', $options)");
}

schedule('once', "misfire => 'run_once'");
schedule('all', "misfire => 'run_all'");
schedule('skip', "misfire => 'skip'");
schedule('once with grace', "misfire => 'run_once', misfire_grace => '10 minutes'");
schedule('all with grace', "misfire => 'run_all', misfire_grace => '1 hour'");
schedule('skip with grace', "misfire => 'skip', misfire_grace => '1 hour'");
schedule('skip without limit', "misfire => 'skip', misfire_grace => '0'");
sql($node, "SELECT scheduler.schedule_job('after', '\@after 1 hour', 'SELECT 1',
	misfire => 'run_all')");
barrier($node);

# The server is down
$node->stop;
set_clock($node, '2030-01-07 12:30:00');
$node->start;
is_eventually($node, 'once', '07 10:00 missed 2, 07 12:00 succeeded',
	'run_once: one run for all that was missed');
is_eventually($node, 'all', '07 10:00 succeeded, 07 11:00 succeeded, 07 12:00 succeeded',
	'run_all: each occurrence has its run');
is_eventually($node, 'skip', '07 10:00 missed 3', 'skip: none has');
is_eventually($node, 'once with grace', '07 10:00 missed 3',
	'run_once: the last is missed when it is later than misfire_grace');
is_eventually($node, 'all with grace',
	'07 10:00 missed, 07 11:00 missed, 07 12:00 succeeded',
	'run_all: what is later than misfire_grace is missed');
is_eventually($node, 'skip with grace', '07 10:00 missed 2, 07 12:00 succeeded',
	'skip: what is not later than misfire_grace is run');
is_eventually($node, 'skip without limit', '07 10:00 missed 2, 07 12:00 succeeded',
	'a misfire_grace of zero is no limit');
wait_for($node, q(SELECT count(*) = 1 FROM scheduler.runs WHERE job_name = 'after' AND status = 'succeeded'));
like(runs_of($node, 'after'), qr/^07 10:3\d succeeded$/,
	'@after has one occurrence, however late it is');
is(sql($node, "SELECT string_agg(missed::text, ' ' ORDER BY job_id) FROM scheduler.jobs
		WHERE schedule = '0 * * * *'"), '2 0 3 3 2 2 2', 'what was missed is counted');
is(sql($node, "SELECT count(*) FROM scheduler.jobs
		WHERE schedule = '0 * * * *' AND next_run_at = '2030-01-07 13:00Z'"), 7,
	'the next times are in the future');
sql($node, "SELECT scheduler.unschedule_job('skip without limit')");
is(sql($node, "SELECT error_message FROM scheduler.runs WHERE job_name = 'once' AND status = 'missed'"),
	'2 occurrences could not be run in time', 'the record says so');

# The job is paused
sql($node, "SELECT scheduler.pause_job('once', 'test')");
set_clock($node, '2030-01-07 15:30:00');
is_eventually($node, 'all', '07 10:00 succeeded, 07 11:00 succeeded, 07 12:00 succeeded, '
	. '07 13:00 succeeded, 07 14:00 succeeded, 07 15:00 succeeded',
	'a clock set forward is a misfire');
is(runs_of($node, 'once'), '07 10:00 missed 2, 07 12:00 succeeded', 'a paused job does not run');
is(sql($node, "SELECT state, next_run_at IS NULL FROM scheduler.jobs WHERE job_name = 'once'"),
	'paused|t', 'and has no next time');
sql($node, "SELECT scheduler.resume_job('once')");
is_eventually($node, 'once',
	'07 10:00 missed 2, 07 12:00 succeeded, 07 13:00 missed 2, 07 15:00 succeeded',
	'a resumed job follows its misfire policy');

# The clock is set back, by less than an hour: what is more is a matter of 047
set_clock($node, '2030-01-07 14:40:00');
barrier($node);
set_clock($node, '2030-01-07 15:20:00');
barrier($node);
is(sql($node, "SELECT count(*) FROM scheduler.jobs
		WHERE schedule = '0 * * * *' AND next_run_at = '2030-01-07 16:00Z'"), 6,
	'a clock set back moves no next time');
set_clock($node, '2030-01-07 16:00:05');
is_eventually($node, 'once',
	'07 10:00 missed 2, 07 12:00 succeeded, 07 13:00 missed 2, 07 15:00 succeeded, '
	. '07 16:00 succeeded', 'nor does it run anything again');
is(sql($node, "SELECT count(*) - count(DISTINCT (job_id, scheduled_at)) FROM scheduler.run_history"),
	0, 'no occurrence was recorded twice');

$node->stop;
done_testing();
