#
# 044_timezone.pl
#	  A default time zone that changes, while the server is up and while it is
#	  down.
#
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../perl";
use SchedulerClock;
use Test::More;

# The clocks of New York go forward on the 10th of March 2030, at 02:00.
my $node = new_clock_node('timezone', '2030-03-08 12:00:00');

sub set_timezone
{
	my ($zone) = @_;

	$node->append_conf('postgresql.conf', "pg_scheduler.timezone = '$zone'");
}

# Next times of all jobs, as day and time in UTC.
my $next = q(
	SELECT string_agg(job_name || ' ' || coalesce(to_char(next_run_at, 'MM-DD HH24:MI'), 'none'),
		', ' ORDER BY job_id) FROM scheduler.jobs WHERE job_name !~ '^barrier');

sub next_times
{
	my ($expected, $what) = @_;

	$node->poll_query_until('postgres', "SELECT ($next) = '$expected'")
	  or diag("gave up waiting for: $expected");
	is(sql($node, $next), $expected, $what);
}

sql($node, q(
	SELECT scheduler.create_calendar('weekend', timezone => 'UTC');
	SELECT scheduler.add_calendar_window('weekend', 'sat,sun');
	SELECT scheduler.schedule_job('plain', '30 2 * * *', 'SELECT 1');
	SELECT scheduler.schedule_job('paused', '30 2 * * *', 'SELECT 1');
	SELECT scheduler.pause_job('paused');
	SELECT scheduler.schedule_job('own', '30 2 * * *', 'SELECT 1', timezone => 'Europe/Berlin');
	SELECT scheduler.schedule_job('text', 'CRON_TZ=Europe/Berlin 30 2 * * *', 'SELECT 1');
	SELECT scheduler.schedule_job('once', '@at 2030-03-20 12:00', 'SELECT 1');
	SELECT scheduler.schedule_job('soon', '@at 2030-03-08 13:00', 'SELECT 1');
	SELECT scheduler.schedule_job('defer', '30 2 * * *', 'SELECT 1', calendar => 'weekend',
		calendar_action => 'defer');
	SELECT scheduler.schedule_job('bounded', '30 2 * * *', 'SELECT 1', ends_at => '2030-03-09 03:00Z');
	SELECT scheduler.schedule_job('hours', 'every 6 hours', 'SELECT 1', starts_at => '2030-03-08 00:00Z')));
next_times('plain 03-09 02:30, paused none, own 03-09 01:30, text 03-09 01:30, '
		. 'once 03-20 12:00, soon 03-08 13:00, defer 03-11 00:00, bounded 03-09 02:30, hours 03-08 18:00',
	'before');
barrier($node);

# New York is five hours behind of UTC, and four from Sunday on.
set_timezone('America/New_York');
$node->reload;
next_times('plain 03-09 07:30, paused none, own 03-09 01:30, text 03-09 01:30, '
		. 'once 03-20 16:00, soon 03-08 18:00, defer 03-11 00:00, bounded none, hours 03-08 18:00',
	'a reload sets next times anew');
is(sql($node, q(SELECT state FROM scheduler.jobs WHERE job_name = 'bounded')), 'finished',
	'a job that has none left is finished');
sql($node, q(SELECT scheduler.resume_job('paused')));
next_times('plain 03-09 07:30, paused 03-09 07:30, own 03-09 01:30, text 03-09 01:30, '
		. 'once 03-20 16:00, soon 03-08 18:00, defer 03-11 00:00, bounded none, hours 03-08 18:00',
	'also of a job that is paused');

# The first night, and the one of the gap
set_clock($node, '2030-03-09 12:00:00');
is_eventually($node, 'plain', '09 07:30 succeeded', 'it is run then, and not at the old time');
is_eventually($node, 'soon', '08 18:00 succeeded', 'and so is an @at');
next_times('plain 03-10 07:30, paused 03-10 07:30, own 03-10 01:30, text 03-10 01:30, '
		. 'once 03-20 16:00, soon none, defer 03-11 00:00, bounded none, hours 03-09 18:00',
	'02:30 does not exist: it is 03:30');

# A server that was down when the setting changed, and an occurrence due then
$node->stop;
set_timezone('Europe/Berlin');
set_clock($node, '2030-03-10 12:00:00');
$node->start;
is_eventually($node, 'plain', '09 07:30 succeeded, 10 07:30 succeeded',
	'what was due in the old zone is run');
next_times('plain 03-11 01:30, paused 03-11 01:30, own 03-11 01:30, text 03-11 01:30, '
		. 'once 03-20 11:00, soon none, defer 03-11 00:00, bounded none, hours 03-10 18:00',
	'a start sets next times anew');

# An @at that is over in the new zone is run still.
set_clock($node, '2030-03-20 11:30:00');
is_eventually($node, 'once', '20 11:00 succeeded', 'an @at has run');
sql($node, q(SELECT scheduler.schedule_job('late', '@at 2030-03-20 13:00', 'SELECT 1')));
set_timezone('Asia/Tokyo');
$node->reload;
is_eventually($node, 'late', '20 04:00 succeeded', 'an @at that is over in the new zone is run');

# Back again: what has been run is not run again.
my $before = sql($node, q(SELECT count(*) FROM scheduler.runs WHERE job_name IN ('plain', 'once', 'late')));
set_timezone('Europe/Berlin');
$node->reload;
next_times('plain 03-21 01:30, paused 03-21 01:30, own 03-21 01:30, text 03-21 01:30, '
		. 'once none, soon none, defer 03-21 01:30, bounded none, hours 03-20 12:00, late none',
	'back again');
barrier($node);
is(sql($node, q(SELECT count(*) FROM scheduler.runs WHERE job_name IN ('plain', 'once', 'late'))),
	$before, 'nothing is run twice');

$node->stop;
done_testing();
