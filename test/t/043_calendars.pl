#
# 043_calendars.pl
#	  Occurrences that fall into the closed time of a calendar.
#
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../perl";
use SchedulerClock;
use Test::More;

# a Friday
my $node = new_clock_node('calendars', '2030-01-04 15:30:00');

sql($node, q(
	SELECT scheduler.create_calendar('office', 'include', 'Europe/Berlin');
	SELECT scheduler.add_calendar_window('office', 'mon-fri', '09:00', '18:00');
	SELECT scheduler.create_calendar('night', 'exclude');
	SELECT scheduler.add_calendar_window('night', from_time => '20:00', to_time => '06:00');
	SELECT scheduler.schedule_job('skip', '0 * * * *', 'SELECT 1',
		misfire => 'run_all', calendar => 'office');
	SELECT scheduler.schedule_job('defer', '30 23 * * *', 'SELECT 1',
		calendar => 'night', calendar_action => 'defer');
	SELECT scheduler.schedule_job('defer once', '30 */4 * * *', 'SELECT 1',
		calendar => 'night', calendar_action => 'defer');
	SELECT scheduler.schedule_job('defer all', '30 */4 * * *', 'SELECT 1', misfire => 'run_all',
		calendar => 'night', calendar_action => 'defer');
	SELECT scheduler.schedule_job('after', '@after 1 hour', 'SELECT 1', calendar => 'office');
));

# Berlin is an hour ahead of UTC
set_clock($node, '2030-01-04 18:30:00');
is_eventually($node, 'skip', '04 16:00 succeeded, 04 17:00 skipped 2', 'skip: closed at 18:00');
is(sql($node, "SELECT DISTINCT error_message FROM scheduler.runs WHERE job_name = 'skip' AND status = 'skipped'"),
	'calendar "office" is closed', 'the record names the calendar');
is(sql($node, "SELECT skipped, next_run_at FROM scheduler.jobs WHERE job_name = 'skip'"),
	'2|2030-01-07 08:00:00+00', 'the next time is when it opens');
is(sql($node, "SELECT next_run_at FROM scheduler.jobs WHERE job_name = 'defer'"),
	'2030-01-05 06:00:00+00', 'defer: the next time is the end of the closed time');
wait_for($node, q(SELECT count(*) = 1 FROM scheduler.runs WHERE job_name = 'after' AND status = 'succeeded'));
set_clock($node, '2030-01-04 23:30:05');
barrier($node);
is(runs_of($node, 'defer'), '', 'defer: nothing runs in it');
like(runs_of($node, 'after'), qr/^04 16:3\d succeeded, 04 19:3\d skipped$/, 'skip: @after');
is(sql($node, "SELECT next_run_at > '2030-01-07 08:00Z' FROM scheduler.jobs WHERE job_name = 'after'"),
	't', 'and it goes on when the calendar is open');
set_clock($node, '2030-01-05 05:00:05');
barrier($node);
is(runs_of($node, 'defer'), '', 'defer: nor later in the night');
set_clock($node, '2030-01-05 06:00:05');
is_eventually($node, 'defer', '04 23:30 succeeded', 'defer: but at its end, as the occurrence it is');
is_eventually($node, 'defer once', '04 16:30 succeeded, 04 20:30 missed 2, 05 04:30 succeeded',
	'defer: misfire run_once has one run for all');
is_eventually($node, 'defer all', '04 16:30 succeeded, 04 20:30 succeeded, 05 00:30 succeeded, 05 04:30 succeeded',
	'defer: misfire run_all has each');
is(sql($node, "SELECT bool_and(started_at >= '2030-01-05 06:00Z') FROM scheduler.runs
	WHERE job_name = 'defer all' AND scheduled_at > '2030-01-04 20:00Z'"), 't', 'none before the end');

# A calendar changes
set_clock($node, '2030-01-05 23:31:00');
barrier($node);
is(runs_of($node, 'defer'), '04 23:30 succeeded', 'an occurrence is deferred');
sql($node, "SELECT scheduler.remove_calendar_window(window_id) FROM scheduler.calendar_windows
	WHERE calendar_name = 'night'");
is_eventually($node, 'defer', '04 23:30 succeeded, 05 23:30 succeeded',
	'when the calendar opens it runs at once');
sql($node, "SELECT scheduler.add_calendar_dates('night', '{2030-01-06,2030-01-07}')");
is(sql($node, "SELECT next_run_at FROM scheduler.jobs WHERE job_name = 'defer'"),
	'2030-01-08 00:00:00+00', 'when it closes the next time follows');

# A job that is run by hand does not ask
sql($node, "SELECT scheduler.run_job('skip')");
wait_for($node, "SELECT count(*) = 1 FROM scheduler.runs WHERE job_name = 'skip'
	AND status = 'succeeded' AND triggered_by = 'manual'");
ok(1, 'run_job() runs in closed time');

# A restart in the middle of it
set_clock($node, '2030-01-07 12:00:05');
$node->restart;
barrier($node);
is(runs_of($node, 'defer'), '04 23:30 succeeded, 05 23:30 succeeded', 'a restart does not open it');

# One calendar changes while jobs of several wait for the end of closed times
sql($node, q(
	SELECT scheduler.create_calendar('other');
	SELECT scheduler.add_calendar_dates('other', '{2030-01-07}');
	SELECT scheduler.schedule_job('other', '@at 2030-01-07 13:00', 'SELECT 1',
		calendar => 'other', calendar_action => 'defer')));
barrier($node);
set_clock($node, '2030-01-07 14:00:05');
barrier($node);
sql($node, "SELECT scheduler.add_calendar_dates('night', '{2030-01-08}')");
barrier($node);
set_clock($node, '2030-01-08 00:00:05');
is_eventually($node, 'other', '07 13:00 succeeded', 'the end of the closed time of one is kept');
barrier($node);
is(runs_of($node, 'defer'), '04 23:30 succeeded, 05 23:30 succeeded', 'that of the other was put off');
set_clock($node, '2030-01-09 00:00:05');
is_eventually($node, 'defer', '04 23:30 succeeded, 05 23:30 succeeded, 06 23:30 missed 2, 08 23:30 succeeded',
	'until it comes');

# A job that the scheduler has in memory heeds the calendar as it is
sub skip_is
{
	my ($time, $status, $name) = @_;

	set_clock($node, "2030-01-09 $time:05");
	wait_for($node, qq(SELECT count(*) = 1 FROM scheduler.runs WHERE job_name = 'skip'
		AND scheduled_at = '2030-01-09 $time' AND status = '$status'));
	ok(1, $name);
}
skip_is('10:00', 'succeeded', 'skip: open');
sql($node, "SELECT scheduler.remove_calendar_window(window_id) FROM scheduler.calendar_windows
	WHERE calendar_name = 'office'");
skip_is('11:00', 'skipped', 'and closed an hour later');

$node->stop;
done_testing();
