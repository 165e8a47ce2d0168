#
# A standby is idle until it is promoted, and then goes on; with synchronous
# replication, nothing that was recorded is lost or done twice.
#
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../perl";

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use SchedulerNode;
use Test::More;

my $primary = new_node('primary', init => { allows_streaming => 1 });

add_log_table($primary);
$primary->backup('backup');

my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($primary, 'backup', has_streaming => 1);
$standby->append_conf('postgresql.conf', "primary_conninfo = '"
	  . $primary->connstr . " application_name=standby'");
$standby->start;

$primary->append_conf('postgresql.conf', "synchronous_standby_names = 'standby'");
$primary->reload;
$primary->poll_query_until('postgres',
	"SELECT sync_state = 'sync' FROM pg_stat_replication WHERE application_name = 'standby'")
  or die 'the standby is not synchronous';

$primary->safe_psql(
	'postgres', q(
	SELECT scheduler.schedule_job('tx_boot', '@reboot', 'SELECT note_run()');
	SELECT scheduler.schedule_job('tx_all', 'every 20 milliseconds', 'SELECT note_run()', misfire => 'run_all');
	SELECT scheduler.schedule_job('tx_retry', 'every 100 milliseconds',
		$$SELECT note_run(), 1 / (current_setting('pg_scheduler.attempt')::int / 2)$$,
		max_retries => 2, retry_delay => '20 milliseconds');
	SELECT scheduler.schedule_job('tx_long', 'every 500 milliseconds', 'SELECT note_run(), pg_sleep(0.4)');
));

# @reboot: once per start.
is($primary->safe_psql('postgres', q(SELECT count(*) FROM scheduler.runs WHERE job_name = 'tx_boot')),
	'0', '@reboot does not run when it is scheduled');
$primary->restart;
wait_for_status($primary, 'tx_boot', 'succeeded');
$primary->safe_psql('postgres', 'SELECT scheduler.restart()');
my ($pid) = scheduler_processes($primary, 'scheduler');
kill('KILL', $pid) if $pid;
wait_for_status($primary, 'tx_retry', 'failed');
wait_for_server($primary);
wait_for_scheduler($primary);
wait_for_running($primary, 'tx_long');
is($primary->safe_psql('postgres', q(SELECT count(*) FROM scheduler.run_history
	WHERE job_name = 'tx_boot')), '1', '@reboot runs once per start, whatever is restarted in between');

# The standby looks on.
is(scalar(scheduler_processes($standby, '')), 0, 'no process of pg_scheduler on a standby');
$primary->wait_for_catchup('standby');
is($standby->safe_psql('postgres', 'SELECT count(*) FROM scheduler.jobs'), '4', 'jobs can be read there');
my $err;
$standby->psql('postgres', q(SELECT scheduler.run_job('tx_boot')), stderr => \$err);
like($err, qr/ERROR:.*(read-only|recovery)/, 'a standby runs nothing, and says so');
$standby->psql('postgres', 'SELECT scheduler.restart()', stderr => \$err);
like($err, qr/DETAIL:  The server is a standby/, 'nor is there a process to be started again');

# Failover in the middle of it.
my $seen = $primary->safe_psql('postgres', 'SELECT count(*) FROM effect');
kill_server($primary);
$standby->promote;
$standby->append_conf('postgresql.conf', "synchronous_standby_names = ''");
$standby->reload;
wait_for_scheduler($standby);
cmp_ok($standby->safe_psql('postgres', 'SELECT count(*) FROM effect'), '>=', $seen,
	'what was seen on the primary is there');
my $last = $standby->safe_psql('postgres', 'SELECT max(run_id) FROM effect');
ok( $standby->poll_query_until('postgres', 
		"SELECT count(DISTINCT job_name) = 3 FROM effect WHERE run_id > $last AND job_name <> 'tx_boot'"),
	'jobs go on after the promotion');
$standby->poll_query_until('postgres', q(SELECT count(*) >= 2 FROM scheduler.run_history
	WHERE job_name = 'tx_boot')) or die '@reboot does not run at the promotion';
is($standby->safe_psql('postgres', q(SELECT count(*) FROM scheduler.run_history
	WHERE job_name = 'tx_boot')), '2', '@reboot runs once at the promotion');

# The old primary comes back as a standby, and runs nothing.
$standby->safe_psql('postgres', q(SELECT pg_create_physical_replication_slot('old')));
$primary->append_conf('postgresql.conf', "synchronous_standby_names = ''");
$primary->append_conf('postgresql.conf', "primary_conninfo = '" . $standby->connstr . "'");
$primary->append_conf('postgresql.conf', "recovery_target_timeline = 'latest'");
$primary->set_standby_mode;
$primary->start;
is(scalar(scheduler_processes($primary, '')), 0, 'the old primary runs nothing as a standby');
$primary->stop('immediate');

finish_jobs($standby, 'true');
wait_for_quiet($standby);
check_records($standby, 'after the failover');

$standby->stop;
done_testing();
