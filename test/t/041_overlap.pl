#
# 041_overlap.pl
#	  Occurrences that are due while an earlier run has not finished.
#
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../perl";
use SchedulerClock;
use Test::More;

my $node = new_clock_node('overlap', '2030-01-07 09:30:00');

sub schedule
{
	my ($name, $options) = @_;

	sql($node, "SELECT scheduler.schedule_job('$name', '0 * * * *', 'SELECT pass_gate()', $options)");
}

schedule('skip', "overlap => 'skip'");
schedule('queue', "overlap => 'queue'");
schedule('allow', "overlap => 'allow', max_instances => 2");
schedule('cancel', "overlap => 'cancel'");

set_clock($node, '2030-01-07 10:00:05');
is_eventually($node, $_, '07 10:00 running', "$_: the first occurrence runs")
  foreach qw(skip queue allow cancel);

set_clock($node, '2030-01-07 11:00:05');
is_eventually($node, 'skip', '07 10:00 running, 07 11:00 skipped', 'skip: the second is skipped');
is_eventually($node, 'queue', '07 10:00 running, 07 11:00 queued', 'queue: the second waits');
is_eventually($node, 'allow', '07 10:00 running, 07 11:00 running', 'allow: the second runs as well');
is_eventually($node, 'cancel', '07 10:00 cancelled, 07 11:00 running', 'cancel: the first makes way');

set_clock($node, '2030-01-07 12:00:05');
is_eventually($node, 'skip', '07 10:00 running, 07 11:00 skipped, 07 12:00 skipped',
	'skip: so is the third');
is_eventually($node, 'queue', '07 10:00 running, 07 11:00 queued, 07 12:00 skipped',
	'queue: only one waits');
is_eventually($node, 'allow', '07 10:00 running, 07 11:00 running, 07 12:00 skipped',
	'allow: no more than max_instances run');
is_eventually($node, 'cancel', '07 10:00 cancelled, 07 11:00 cancelled, 07 12:00 running',
	'cancel: so does the second');

# A restart of the scheduler does not forget what runs
sql($node, 'SELECT scheduler.restart()');
set_clock($node, '2030-01-07 13:00:05');
is_eventually($node, 'queue', '07 10:00 running, 07 11:00 queued, 07 12:00 skipped, 07 13:00 skipped',
	'queue: a new scheduler knows of the one that waits');

is_eventually($node, 'cancel', '07 10:00 cancelled, 07 11:00 cancelled, 07 12:00 cancelled, 07 13:00 running',
	'cancel: so does the third');

sql($node, 'UPDATE gate SET opened = true');
is_eventually($node, 'skip', '07 10:00 succeeded, 07 11:00 skipped, 07 12:00 skipped, 07 13:00 skipped',
	'skip: one run');
is_eventually($node, 'queue', '07 10:00 succeeded, 07 11:00 succeeded, 07 12:00 skipped, 07 13:00 skipped',
	'queue: two runs');
is_eventually($node, 'allow', '07 10:00 succeeded, 07 11:00 succeeded, 07 12:00 skipped, 07 13:00 skipped',
	'allow: two runs');
is_eventually($node, 'cancel', '07 10:00 cancelled, 07 11:00 cancelled, 07 12:00 cancelled, 07 13:00 succeeded',
	'cancel: the last run');
wait_for($node, "SELECT string_agg(skipped::text, ' ' ORDER BY job_id) = '3 2 2 0' FROM scheduler.jobs
	WHERE schedule = '0 * * * *'");
is(sql($node, "SELECT DISTINCT error_message FROM scheduler.runs WHERE status = 'skipped'"),
	'an earlier run of the job has not finished', 'the record says why');

set_clock($node, '2030-01-07 14:00:05');
is_eventually($node, 'skip', '07 10:00 succeeded, 07 11:00 skipped, 07 12:00 skipped, 07 13:00 skipped, '
	. '07 14:00 succeeded', 'skip: the next occurrence runs');

$node->stop;
done_testing();
