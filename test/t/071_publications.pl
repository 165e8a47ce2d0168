#
# A publication FOR ALL TABLES stops nothing, and its subscriber does not do the
# publisher's work.
#
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../perl";

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use SchedulerNode;
use Test::More;

my $node = new_node('publisher', init => { allows_streaming => 'logical' });
my $other = new_node('subscriber', init => { allows_streaming => 'logical' });

add_log_table($_) foreach $node, $other;
$node->safe_psql('postgres', q(CREATE TABLE item (id int PRIMARY KEY)));
$other->safe_psql('postgres', q(CREATE TABLE item (id int PRIMARY KEY);
	SELECT scheduler.schedule_job('own', 'every 50 milliseconds', 'SELECT 1')));
wait_for_status($other, 'own', 'succeeded');
$node->safe_psql('postgres', q(
	SELECT scheduler.schedule_job('tx_often', 'every 50 milliseconds', 'SELECT note_run()');
	CREATE PUBLICATION everything FOR ALL TABLES));

is($node->safe_psql('postgres', q(
		SELECT string_agg(c.oid::regclass::text, ', ') FROM pg_class c
		WHERE c.relnamespace = 'scheduler'::regnamespace AND c.relkind IN ('r', 'p') AND c.relreplident <> 'f'
			AND NOT EXISTS (SELECT FROM pg_index i WHERE i.indrelid = c.oid AND i.indisprimary))), '',
	'each table has a key or a replica identity');

# Each of these updates or deletes rows of some table.
$node->safe_psql('postgres', $_) foreach (
	q(SELECT scheduler.schedule_job('failing', 'every 30 milliseconds', 'SELECT 1 / 0', max_retries => 1,
		retry_delay => '10 milliseconds')),
	q(SELECT scheduler.create_queue('q', max_concurrency => 1), scheduler.alter_queue('q', max_concurrency => 2)),
	q(SELECT scheduler.schedule_job('leader', '@yearly', 'SELECT 1', queue => 'q'),
		scheduler.schedule_job('follower', NULL, 'SELECT 1', after => 'leader')),
	q(SELECT scheduler.pause_job('leader'), scheduler.resume_job('leader')),
	q(SELECT scheduler.set_secret('s', 'x'), scheduler.set_secret('s', 'y'), scheduler.drop_secret('s')),
	q(SELECT scheduler.create_alert_check('c', 'true'), scheduler.drop_alert_check('c')),
	q(SELECT scheduler.set_hook('leader', 'start', 'SELECT 1'), scheduler.drop_hook('leader', 'start')),
	q(SELECT scheduler.set_recovery('failing', 2, '1 second'), scheduler.recover('failing')));
$node->safe_psql('postgres', q(SELECT scheduler.run_job('leader')));
wait_for_status($node, 'follower', 'succeeded');
ok($node->poll_query_until('postgres', 'SELECT count(*) > 0 FROM scheduler.dead_letters'), 'a dead letter');
$node->safe_psql('postgres', q(SELECT scheduler.redrive_dead_letter(min(dead_letter_id)), scheduler.discard_dead_letter(max(dead_letter_id))
	FROM scheduler.dead_letters));
$node->safe_psql('postgres', $_) foreach (
	q(SELECT scheduler.unschedule_job('follower'), scheduler.unschedule_job('leader')),
	q(SELECT scheduler.unschedule_job('failing', cancel => true)),
	q(SELECT scheduler.drop_queue('q')),
	q(SELECT scheduler.clear_alerts()),
	q(SELECT scheduler.stop('10 seconds')));
ok($node->poll_query_until('postgres', q(SELECT scheduler.status() ->> 'state' = 'stopped')), 'stop()');
$node->safe_psql('postgres', 'SELECT scheduler.start()');
$node->restart;
wait_for_scheduler($node);
my $last = $node->safe_psql('postgres', 'SELECT max(run_id) FROM scheduler.run_history');
ok($node->poll_query_until('postgres', "SELECT count(*) > 2 FROM scheduler.run_history WHERE run_id > $last"),
	'jobs run on after a restart under the publication');
ok($node->safe_psql('postgres', q(DELETE FROM scheduler.run_history WHERE run_id < 3 RETURNING 1)) =~ /1/,
	'rows of the history can be deleted');

# A subscriber that has the extension, too
$other->safe_psql('postgres', q(CREATE SUBSCRIPTION all_of_it CONNECTION $$) . $node->connstr('postgres') .
	q($$ PUBLICATION everything));
ok($other->poll_query_until('postgres',
		q(SELECT count(*) = 0 FROM pg_subscription_rel WHERE srsubstate NOT IN ('r', 's'))), 'all tables are copied');
$node->safe_psql('postgres', 'INSERT INTO item VALUES (1)');
ok($other->poll_query_until('postgres', 'SELECT count(*) = 1 FROM item'), 'and changes arrive');
is($other->safe_psql('postgres', q(SELECT string_agg(job_name, ', ') FROM scheduler.jobs)), 'own',
	'the jobs of the publisher do not');
is($other->safe_psql('postgres', q(SELECT count(*) FROM scheduler.home)), '1', 'nor does its home');
$other->restart;
wait_for_scheduler($other);
$last = $other->safe_psql('postgres', 'SELECT max(run_id) FROM scheduler.run_history');
ok($other->poll_query_until('postgres', "SELECT count(*) > 2 FROM scheduler.run_history WHERE run_id > $last"),
	'its own jobs run on');
is($other->safe_psql('postgres', q(SELECT count(*) FROM scheduler.runs WHERE job_name <> 'own')), '0',
	'and it has run nothing else');

# A state without its row is made anew: by whoever writes it.
$node->safe_psql('postgres', 'DELETE FROM scheduler.scheduler_state; DELETE FROM scheduler.scheduler_mark');
$node->restart;
wait_for_scheduler($node);
is($node->safe_psql('postgres', 'SELECT count(*) FROM scheduler.scheduler_mark'), '1', 'a state that was lost comes back');
$node->safe_psql('postgres', 'SELECT scheduler.start()');
is($node->safe_psql('postgres', 'SELECT count(*) FROM scheduler.scheduler_state'), '1', 'and so does what was asked for');

$_->stop foreach $other, $node;
done_testing();
