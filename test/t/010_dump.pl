#
# Definitions survive pg_dump and pg_restore, and run elsewhere once they are told to;
# everything survives pg_upgrade.
#
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../perl";

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use SchedulerNode;
use Test::More;

my $old = new_node('old');
my $new = new_node('new', extension => 0);
my $dump = PostgreSQL::Test::Utils::tempdir() . '/dump';

# The role has another oid in the other cluster.
$new->safe_psql('postgres', 'CREATE ROLE filler');
$_->safe_psql('postgres', 'CREATE ROLE "Odd Name" LOGIN; CREATE DATABASE jobs') foreach $old, $new;
$old->safe_psql('jobs', 'CREATE EXTENSION pg_scheduler');
add_log_table($old, 'jobs');
$old->safe_psql(
	'jobs', q(
	SELECT scheduler.schedule_job('tx_every', 'every 50 milliseconds', 'SELECT note_run()',
		args => '{"a": [1, "ä"]}', priority => 5, run_as => '"Odd Name"', settings => '{"work_mem": "1MB"}',
		timeout => '1 minute', max_retries => 3, retry_on => '{40001}', description => 'it''s a test');
	SELECT scheduler.schedule_job('daily', '30 2 * * *', 'SELECT 1', timezone => 'Europe/Berlin');
	SELECT scheduler.schedule_job('paused', 'every 10 milliseconds', 'SELECT 1', enabled => false);
	SELECT scheduler.schedule_job('once', 'now', 'SELECT 1');
	SELECT scheduler.schedule_job('both', NULL, 'SELECT 1', after => 'paused, daily', after_on => 'any');
	SELECT scheduler.alter_alert_rule('late_start', threshold => 7, severity => 'critical');
	SELECT scheduler.alter_alert_rule('failure_rate', enabled => false, "interval" => '1 hour');
	SET ROLE "Odd Name";
	SELECT scheduler.create_alert_webhook('hook', 'https://example.com/', kinds => '{job_failing}');
	SELECT scheduler.create_alert_listener('bus', 'alerts');
	SELECT scheduler.create_alert_check('never', 'false');
));
wait_for_status($old, 'tx_every', 'succeeded', 'jobs');
wait_for_status($old, 'once', 'succeeded', 'jobs');

my $definitions = q(
	SELECT job_id, job_name, owner, schedule, timezone, command, args, settings, priority, timeout,
		max_retries, retry_on, enabled, description, after, after_on FROM scheduler.jobs ORDER BY job_id);

my $monitoring = q(
	SELECT r::text FROM scheduler.alert_rules r UNION ALL
	SELECT (handler_name, owner, kind, kinds, min_severity, channel, job_id, resolved, url)::text
		FROM scheduler.alert_handlers UNION ALL
	SELECT (check_name, owner, predicate, job_id)::text FROM scheduler.alert_checks ORDER BY 1);

$old->command_ok([ 'pg_dump', '-Fc', '-f', $dump, 'jobs' ], 'pg_dump while jobs run');
$new->command_ok([ 'pg_restore', '--exit-on-error', '-d', 'jobs', $dump ], 'pg_restore');
is($new->safe_psql('jobs', $definitions), $old->safe_psql('jobs', $definitions),
	'all definitions arrive');
is($new->safe_psql('jobs', $monitoring), $old->safe_psql('jobs', $monitoring),
	'so do altered rules of alerts, handlers and checks, with their owners');
is($new->safe_psql('jobs', q(SELECT count(*) FROM scheduler.alert_rules WHERE altered)), '2', 'two rules are altered');
$new->safe_psql('jobs', q(SELECT scheduler.reset_alert_rule('late_start')));
is($new->safe_psql('jobs', q(SELECT threshold, severity, altered FROM scheduler.alert_rules WHERE kind = 'late_start')),
	'60|warning|f', 'and can be reset');
ok( $new->poll_query_until('jobs', q(SELECT scheduler.status() ->> 'state' = 'stopped')),
	'a copy holds its jobs');
$new->safe_psql('jobs', 'SELECT scheduler.start()');
my $last = $new->safe_psql('jobs', q(SELECT COALESCE(max(run_id), 0) FROM scheduler.run_history
	WHERE job_name = 'tx_every'));
ok( $new->poll_query_until('jobs', "SELECT count(*) > 2 FROM scheduler.run_history
		WHERE job_name = 'tx_every' AND status = 'succeeded' AND run_id > $last AND owner = '\"Odd Name\"'::regrole"),
	'and run on, as the same role');
is($new->safe_psql('jobs', q(SELECT count(*) FROM scheduler.run_history WHERE job_name = 'paused')),
	'0', 'what was disabled is');

# Chains are there, and run.
$new->safe_psql('jobs', q(SELECT scheduler.run_job('daily'), scheduler.run_job('paused')));
wait_for_status($new, 'both', 'succeeded', 'jobs');
is($new->safe_psql('jobs', q(SELECT triggered_by, cardinality(trigger_run_ids) FROM scheduler.runs WHERE job_name = 'both')),
	'after|2', 'what runs after others does so');
# A state that comes after the scheduler has planned the job takes its place.
is($new->psql('jobs', q(INSERT INTO scheduler.job_state SELECT * FROM scheduler.job_state)), 0,
	'states are restored over those that the scheduler has made');

# New jobs do not collide with restored ones.
is( $new->safe_psql('jobs', q(
		SELECT scheduler.schedule_job('another', 'now', 'SELECT 1') >
			(SELECT max(job_id) FROM scheduler.jobs WHERE job_name <> 'another'))),
	't',
	'job ids go on');
wait_for_status($new, 'another', 'succeeded', 'jobs');

# A dump of the copy is the same again.
$new->command_ok([ 'pg_dump', '-Fp', '-f', "$dump.sql", 'jobs' ], 'pg_dump of the copy');
like(slurp_file("$dump.sql"), qr/tx_every/, 'has the jobs too');

$old->stop;

# pg_upgrade carries over what is recorded, too, and jobs go on.
my $everything = "$definitions; $monitoring;" . q(
	SELECT run_id, job_name, status, scheduled_at FROM scheduler.runs
		WHERE status IN ('succeeded', 'failed') AND run_id <= %d ORDER BY run_id;
	SELECT name, owner FROM scheduler.secrets);
my $next = PostgreSQL::Test::Cluster->new('next');
my $bin  = $new->config_data('--bindir');

$next->init;
configure_node($next);
$new->safe_psql('jobs', q(SELECT scheduler.set_secret('token', 'a secret')));
my $upto = $new->safe_psql('jobs', q(SELECT max(run_id) FROM scheduler.runs WHERE status = 'succeeded'));
wait_until(sub { $new->safe_psql('jobs', qq(SELECT count(*) FROM scheduler.runs
		WHERE run_id <= $upto AND status IN ('queued', 'running'))) eq '0' }, 'earlier runs are over');
my $before = $new->safe_psql('jobs', sprintf $everything, $upto);
$new->stop;
chdir PostgreSQL::Test::Utils::tempdir();		# it leaves a script
$new->command_ok(
	[ 'pg_upgrade', '-d', $new->data_dir, '-D', $next->data_dir, '-b', $bin, '-B', $bin,
		'-s', $next->host, '-p', $new->port, '-P', $next->port ],
	'pg_upgrade');
$next->start;
is($next->safe_psql('jobs', sprintf $everything, $upto), $before, 'everything arrives');
ok( $next->poll_query_until('jobs', "SELECT count(*) > 2 FROM scheduler.runs
		WHERE job_name = 'tx_every' AND status = 'succeeded' AND run_id > $upto"),
	'and runs on');

$next->stop;
done_testing();
