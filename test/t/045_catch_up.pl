#
# 045_catch_up.pl
#	  Jobs that have missed very much: one row each, and nobody waits for them.
#
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../perl";
use SchedulerClock;
use Test::More;

my $node = new_clock_node('catch_up', '2030-01-07 09:30:00');

my %schedules = (
	interval => '1 second',
	seconds => '* * * * * *',
	minutes => '* * * * *',
	list => '10 minutes; 0 4 * * *',
	daily => '1 day',
	calendar => '1 hour');

sql($node, q(
	SELECT scheduler.create_calendar('office', 'include', 'UTC');
	SELECT scheduler.add_calendar_window('office', 'mon-fri', '08:00', '18:00')));
foreach my $name (sort keys %schedules)
{
	my $options = $name eq 'calendar' ? ", calendar => 'office'" : '';
	sql($node, "SELECT scheduler.schedule_job('$name', '$schedules{$name}', 'SELECT 1'$options)");
	sql($node, "SELECT scheduler.pause_job('$name')");
}
sql($node, q(SELECT scheduler.schedule_job('skips', '1 second', 'SELECT 1', misfire => 'skip')));
sql($node, q(SELECT scheduler.pause_job('skips')));
barrier($node);
set_clock($node, '2034-01-09 09:30:00');
sql($node, 'SELECT scheduler.resume_job(job_id) FROM scheduler.jobs');
sql($node, q(SELECT scheduler.schedule_job('other', 'now', 'SELECT 1')));
wait_for($node, q(SELECT count(*) = 1 FROM scheduler.runs WHERE job_name = 'other' AND status = 'succeeded'));
pass('others go on');

foreach my $name (sort keys %schedules)
{
	wait_for($node, "SELECT count(*) > 0 FROM scheduler.runs WHERE job_name = '$name' AND status = 'succeeded'");
	pass("$name: it runs again");
	is(sql($node, "SELECT count(*) FROM scheduler.runs WHERE job_name = '$name' AND status = 'missed' AND occurrences > 1000"),
		'1', "$name: what it has missed is one row");
	is(sql($node, "SELECT next_run_at > '2034-01-09 09:30:00Z' FROM scheduler.jobs WHERE job_name = '$name'"),
		't', "$name: its next time is right");
}
my $missed = sub {
	my ($job) = @_;
	return sql($node, "SELECT occurrences || ' ' || error_message FROM scheduler.runs
		WHERE job_name = '$job' AND occurrences > 1000 AND status = 'missed'");
};
like($missed->('interval'), qr/^1264\d{5} 1264\d{5} occurrences could not be run in time$/, 'an interval is counted');
like($missed->('daily'), qr/^146\d /, 'so are days');
like($missed->('list'), qr/^100\d{3} more than 100\d{3} occurrences/, 'a list of schedules up to a number');
like($missed->('seconds'), qr/^100\d{3} more than 100\d{3} occurrences could not be run in time$/,
	'times on the clock up to a number');
is(sql($node, "SELECT count(*) FROM scheduler.runs WHERE job_name = 'skips' AND status = 'missed' AND occurrences > 1000"),
	'1', 'misfire "skip": one row');
is(sql($node, "SELECT count(*) FROM scheduler.runs WHERE job_name = 'calendar' AND status = 'skipped' AND occurrences > 1000"),
	'1', 'closed time: one row');

done_testing();
