#
# A value that does not fit is the failure of its run, and of nobody else's:
# errors, checks, arguments and answers of any size.
#
use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../perl";

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use SchedulerNode;
use Test::More;

my $node = new_node('big_values', conf => q(
pg_scheduler.max_workers = 3
pg_scheduler.log_runs = none
pg_scheduler.monitor_interval = '50ms'
log_error_verbosity = terse
log_min_error_statement = panic
));

sub sql
{
	return $node->safe_psql('postgres', $_[0]);
}

sub wait_for
{
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	wait_for_true($node, @_);
}

# Somebody else's job goes on.
sub wait_for_victim
{
	my ($what) = @_;
	my $runs = sql("SELECT count(*) FROM scheduler.runs WHERE job_name = 'victim' AND status = 'succeeded'");

	wait_for("SELECT count(*) > $runs + 1 FROM scheduler.runs
		WHERE job_name = 'victim' AND status = 'succeeded'", "$what: jobs of others run");
}

sql(q(
	CREATE ROLE victim LOGIN;
	CREATE TABLE tries (job text);
	SELECT scheduler.schedule_job('victim', 'every 200 milliseconds', 'SELECT 1', run_as => 'victim');));

# Texts of an error: 1 MB in all, and they say that they were clipped.  The
# clean-up is told of it, for which jsonb has a limit.
sql(q[
	CREATE PROCEDURE fail(job text, size int) LANGUAGE plpgsql AS $$
	BEGIN
		INSERT INTO tries VALUES (job);
		COMMIT;
		RAISE EXCEPTION USING MESSAGE = repeat('m', size), DETAIL = repeat('d', size / 10),
			HINT = repeat('h', size / 10);
	END $$;
	SELECT scheduler.schedule_job('big_error', 'now', $$CALL fail('big_error', 270000000)$$);
	SELECT scheduler.set_hook(job_id, 'cleanup', 'SELECT 1') FROM scheduler.jobs WHERE job_name LIKE 'big%';
]);
wait_for("SELECT count(*) = 1 FROM scheduler.runs WHERE job_name = 'big_error' AND status = 'failed'",
	'a failure with big texts is recorded');
is( sql("SELECT octet_length(concat(error_message, error_detail, error_hint, error_context)) BETWEEN 200000 AND 1048576,
		error_message ~ 'm [.]{3} .clipped: it has 270000000 bytes.\$'
		FROM scheduler.runs WHERE job_name = 'big_error'"),
	't|t', 'its texts are 1 MB at most, and say that they were clipped');
is(sql("SELECT count(*) FROM tries WHERE job = 'big_error'"), 1, 'it was executed once');
sql("SELECT scheduler.schedule_job('x', 'now', \$\$DO 'BEGIN RAISE EXCEPTION ''%'', repeat(''x'', 200000); END'\$\$)");
wait_for("SELECT count(*) = 1 FROM scheduler.runs WHERE job_name = 'x' AND error_message = repeat('x', 200000)",
	'a text that fits is kept');
wait_for_victim('big errors');

# A record that cannot be written, though what was done is durable: here, for
# its dead letter is refused.  It ends in a small record, and is not done again.
sql(q[
	ALTER TABLE scheduler.dead_letter ADD CONSTRAINT no_letter CHECK (job_name <> 'no_letter') NOT VALID;
	SELECT scheduler.schedule_job('no_letter', 'now', $$CALL fail('no_letter', 10)$$,
		max_retries => 1, retry_delay => '0', on_lost => 'fail');
]);
wait_for("SELECT count(*) = 1 FROM scheduler.run_history WHERE job_name = 'no_letter' AND next_attempt_at IS NULL",
	'what cannot be recorded ends in a small record');
is(sql("SELECT attempt, status, error_message, error_detail ~ 'no_letter' FROM scheduler.run_history
	WHERE job_name = 'no_letter' ORDER BY attempt"),
	"1|failed|mmmmmmmmmm|f\n2|lost|mmmmmmmmmm|t", 'which says so, and is lost where a part was committed');
is(sql("SELECT count(*) FROM tries WHERE job = 'no_letter'"), 2, 'it was not executed again');

# Where nothing can be recorded, the record is tried again, the run is not.
sql(q[
	SELECT scheduler.schedule_job('no_history', '@yearly', $$CALL fail('no_history', 10)$$, on_lost => 'fail');
	DO $$ BEGIN
		EXECUTE format('ALTER TABLE scheduler.run_history DETACH PARTITION scheduler.run_history_%s', to_char(now() AT TIME ZONE 'UTC', 'YYYYMMDD'));
	END $$;
	SELECT scheduler.run_job('no_history');
]);
wait_for("SELECT count(*) = 1 FROM scheduler.alerts WHERE kind = 'recording_failed'
	AND message ~ 'record' AND job_id = (SELECT job_id FROM scheduler.jobs WHERE job_name = 'no_history')",
	'that no record can be written is an alert');
wait_for("SELECT count(*) = 1 FROM tries WHERE job = 'no_history'", 'a run without a record was executed');
sql(q[
	DO $$ BEGIN
		EXECUTE format('ALTER TABLE scheduler.run_history ATTACH PARTITION scheduler.run_history_%s FOR VALUES FROM (%L) TO (%L)',
			to_char(now() AT TIME ZONE 'UTC', 'YYYYMMDD'), (now() AT TIME ZONE 'UTC')::date::text || ' UTC',
			(now() AT TIME ZONE 'UTC')::date + 1 || ' UTC');
	END $$;]);
wait_for("SELECT count(*) = 1 FROM scheduler.run_history WHERE job_name = 'no_history' AND status = 'lost'",
	'it is recorded as lost as soon as it can be');
is(sql("SELECT count(*) FROM tries WHERE job = 'no_history'"), 1, 'and was executed once');
wait_for_victim('no records');

$node->stop;
done_testing();
