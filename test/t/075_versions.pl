# Library and tables that do not fit together: nothing runs and nothing crashes,
# whoever asks is told what to do, and when that is done the jobs go on.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::Bin/../perl";
use PostgreSQL::Test::Utils;
use SchedulerNode;
use Test::More;

chomp(my $dir = `pg_config --sharedir`);
$dir .= '/extension';
plan skip_all => "cannot write to $dir" unless -w $dir;

# Put another table in place of one of ours, and undo that.  Views and all else
# still mean the one that was renamed.
sub replace_table
{
	my ($table, $columns) = @_;

	return "ALTER TABLE scheduler.$table RENAME TO ${table}_kept;
		CREATE TABLE scheduler.$table AS SELECT $columns FROM scheduler.${table}_kept;";
}

sub restore_table
{
	my ($table) = @_;

	return "DROP TABLE scheduler.$table;
		ALTER TABLE scheduler.${table}_kept RENAME TO $table;";
}

# Of so many columns that their values do not go where there is room for ours
my $many = join ', ', map { "NULL::bigint AS more_$_" } 1 .. 300;

# Made-up versions: tables that are newer than the library, and older ones
my %script = (
	'1.0--1.1' => replace_table('pending_run', "*, $many"),
	'1.1--1.0' => restore_table('pending_run'),
	'1.0--0.9' => replace_table('job_state', 'job_id, schedule_version, next_run_at'),
	'0.9--1.0' => "UPDATE scheduler.job SET description = 'updated';" .
	  restore_table('job_state'));

append_to_file("$dir/pg_scheduler--$_.sql", $script{$_}) foreach keys %script;

END
{
	unlink map { "$dir/pg_scheduler--$_.sql" } keys %script;
}

my $node = new_node('versions');
# Our tables are changed behind the back of the extension, which refuses that else.
my $sql = sub { $node->safe_psql('postgres', "SET allow_system_table_mods = on; $_[0]") };

add_log_table($node);
$sql->(q(
	SELECT scheduler.schedule_job('tx_fast', 'every 20 milliseconds', 'SELECT note_run()', overlap => 'queue');
	SELECT scheduler.schedule_job('procedure', 'every 50 milliseconds',
		'DO $$ BEGIN COMMIT; PERFORM note_run(); COMMIT; END $$')));

# Who is there from first to last: nothing has crashed.
my $witness = begin_session($node, 'postgres');

sub jobs_go_on
{
	my ($name) = @_;
	my $n = $sql->('SELECT count(*) FROM effect');

	ok( wait_until(sub { $sql->("SELECT count(*) > $n + 5 FROM effect") eq 't' }, 'jobs go on'),
		"$name: jobs go on");
}

# Everybody is told what is wrong and what to do, and nothing runs.
sub is_told
{
	my ($name, $message, $hint) = @_;

	ok( wait_until(
			sub {
				$sql->(q(SELECT concat_ws(chr(10), s ->> 'state', s ->> 'reason', message)
					FROM scheduler.status() s, scheduler.alert
					WHERE kind = 'version_mismatch' AND resolved_at IS NULL)) =~
				  /^unhealthy\n.*$message.*$hint.*\n.*$message.*$hint/;
			},
			"status() and an alert tell of $name"),
		"$name: status() and an alert") or diag $sql->('SELECT scheduler.status()');
	ok( wait_until(sub { !scheduler_processes($node, 'worker') }, 'no worker is left'),
		"$name: no worker is left");
}

sub is_over
{
	my ($name) = @_;

	ok( wait_until(
			sub { $sql->(q(SELECT count(*) FROM scheduler.alerts
					WHERE kind = 'version_mismatch' AND resolved_at IS NULL)) eq '0' },
			'the alert is over'),
		"$name: the alert is over");
	is($sql->(q(SELECT scheduler.status() ->> 'state')), 'healthy', "$name: status()");
}

sub fails_with
{
	my ($statement, $name, $message, $hint) = @_;
	my ($status, $out, $err) = $node->psql('postgres', "\\set VERBOSITY verbose\n$statement");

	like($err, qr/ERROR:  55000: the $message.*HINT:  $hint/s, "$name: $statement");
}

#
# Versions
#

foreach my $case (
	[   '1.1', 'new tables',
		qr/library of pg_scheduler is of version 1\.0, the extension in this database of 1\.1/,
		qr/Restart the server/ ],
	[   '0.9', 'old tables',
		qr/library of pg_scheduler is of version 1\.0, the extension in this database of 0\.9/,
		qr/Use ALTER EXTENSION pg_scheduler UPDATE/ ])
{
	my ($version, $name, $message, $hint) = @$case;

	jobs_go_on("before $name");
	$sql->("ALTER EXTENSION pg_scheduler UPDATE TO '$version'");
	is_told($name, $message, $hint);
	my $effects = $sql->('SELECT count(*) FROM effect');

	fails_with($_, $name, $message, $hint) foreach (
		"SELECT scheduler.schedule_job('new', 'every hour', 'SELECT 1')",
		"SELECT scheduler.schedule_http_job('new', 'every hour', 'http://localhost/')",
		"SELECT scheduler.http_request('http://localhost/')",
		"SELECT scheduler.alter_job('tx_fast', priority => 1)",
		"SELECT scheduler.run_job('tx_fast')",
		"SELECT scheduler.pause_job('tx_fast')",
		"SELECT scheduler.unschedule_job('tx_fast')",
		"SELECT scheduler.cancel_run(1)",
		"SELECT scheduler.create_queue('q')",
		"SELECT scheduler.create_calendar('c')",
		"SELECT scheduler.set_secret('s', 'value')",
		"SELECT scheduler.stop()");
	is($sql->('SELECT count(*) FROM effect'), $effects, "$name: nothing runs");
	$sql->("ALTER EXTENSION pg_scheduler UPDATE TO '1.0'");
	jobs_go_on("after $name");
	is_over($name);
}

#
# Tables of this version that somebody has altered, while everything runs
#

my %last = (
	job => 'serves', job_state => 'open_attempts', pending_run => 'redriven_from',
	run_history => 'wal_bytes', run_after => 'after_on', leader_end => 'args',
	run_trigger => 'owner', job_hook => 'checked_at', http_response => 'total',
	secret => 'changed_at');

# All columns but the last, and that: left out, or of another type
sub but_last
{
	my ($table, $instead) = @_;

	return $sql->("SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum)
		FROM pg_attribute WHERE attrelid = 'scheduler.$table'::regclass
		AND attnum > 0 AND attname <> '$last{$table}'") . $instead;
}

foreach my $table (sort keys %last)
{
	my %columns = (
		'columns added' => "*, $many",
		'a column missing' => but_last($table, ''),
		'a type changed' => but_last($table, ", NULL::point AS $last{$table}"));

	foreach my $kind (sort keys %columns)
	{
		my $name = "$table, $kind";

		# what opens the table, in a client and in the scheduler
		$node->psql('postgres', 'SET allow_system_table_mods = on; BEGIN;' . replace_table($table, $columns{$kind}) . "COMMIT;
			SELECT scheduler.run_job('tx_fast');
			SELECT scheduler.reload();", on_error_stop => 0);
		is_told($name, qr/table "scheduler\.$table" was altered/, qr/Undo that/);
		$sql->('BEGIN;' . restore_table($table) . 'COMMIT; SELECT scheduler.reload()');
		jobs_go_on($name);
	}
	is_over($table);
}

is($witness->query_safe('SELECT 1'), '1', 'nothing has crashed');
$witness->quit;
finish_jobs($node, 'true');
check_records($node, 'versions');
$node->stop('fast');
done_testing();
