-- The runs to come.
SET timezone = 'UTC';
SET client_min_messages = error;
DROP EXTENSION IF EXISTS pg_scheduler CASCADE;
RESET client_min_messages;
CREATE EXTENSION pg_scheduler;

SELECT scheduler.schedule_job('a', '@at 2045-01-01 10:00', 'SELECT 1') > 0;
SELECT scheduler.schedule_job('b', '0 */8 * * *', 'SELECT 1', starts_at => '2045-01-01', ends_at => '2045-01-01 16:00') > 0;
SELECT scheduler.schedule_job('c', '90 minutes', 'SELECT 1', starts_at => '2045-01-01 09:15', max_runs => 2) > 0;
SELECT scheduler.schedule_job('d', '@reboot', 'SELECT 1') > 0;
SELECT scheduler.schedule_job('e', '@daily', 'SELECT 1', starts_at => '2045-01-01', enabled => false) > 0;
SELECT scheduler.create_calendar('lunch', timezone => 'UTC');
SELECT scheduler.add_calendar_window('lunch', from_time => '12:00', to_time => '13:00') > 0;
SELECT scheduler.schedule_job('f', '*/30 11-13 * * *', 'SELECT 1', starts_at => '2045-01-01', ends_at => '2045-01-02', calendar => 'lunch') > 0;
SELECT scheduler.schedule_job('g', '*/30 11-13 * * *', 'SELECT 1', starts_at => '2045-01-01', ends_at => '2045-01-02', calendar => 'lunch', calendar_action => 'defer') > 0;

-- in order of time
SELECT job_name, scheduled_at FROM scheduler.forecast('100 years');
SELECT count(*) FROM scheduler.forecast('-1 day');
SELECT count(*) FROM scheduler.forecast();
SELECT scheduler.forecast(NULL);

-- one job
SELECT * FROM scheduler.next_job_runs('b');
SELECT * FROM scheduler.next_job_runs((SELECT job_id FROM scheduler.jobs WHERE job_name = 'c'));
SELECT * FROM scheduler.next_job_runs('d');
SELECT * FROM scheduler.next_job_runs('e');
SELECT * FROM scheduler.next_job_runs('f', 2);
SELECT * FROM scheduler.next_job_runs('f', 0);
SELECT scheduler.next_job_runs('f', -1);
SELECT scheduler.next_job_runs('nothing');
SELECT scheduler.next_job_runs(0);
SELECT scheduler.next_job_runs(NULL::bigint);

-- H is the job's own value, whatever it is called
SELECT scheduler.schedule_job('h', 'H H H * *', 'SELECT 1') AS job_id \gset
CREATE TABLE hashed AS SELECT r FROM scheduler.next_job_runs('h') r;
SELECT scheduler.alter_job('h', job_name => 'another name', schedule => 'H H H  * *');
SELECT count(*) FROM hashed JOIN scheduler.next_job_runs('another name') n ON n = r;
SELECT scheduler.unschedule_job('another name');
DROP TABLE hashed;

-- only what the caller may see
CREATE ROLE regress_forecast_user LOGIN;
SELECT min(job_id) AS other FROM scheduler.jobs \gset
SET ROLE regress_forecast_user;
SELECT scheduler.schedule_job('h', '@at 2045-01-01 10:00', 'SELECT 1') > 0;
SELECT job_name, scheduled_at FROM scheduler.forecast('100 years');
\set VERBOSITY sqlstate
SELECT scheduler.next_job_runs(:other);
\set VERBOSITY default
SELECT scheduler._next_run_at(:other);
RESET ROLE;

-- what is over cannot be scheduled
SELECT scheduler.schedule_job('x', '@at 2020-01-01 10:00', 'SELECT 1');
SELECT scheduler.schedule_job('x', '0 0 1 1 * * 2020', 'SELECT 1');
SELECT scheduler.schedule_job('x', '0 0 0 1 1 * 2020', 'SELECT 1');
SELECT scheduler.schedule_job('x', '@at 2045-01-01 10:00', 'SELECT 1', starts_at => '2046-01-01');
SELECT scheduler.schedule_job('x', '0 0 0 1 1 * 2045', 'SELECT 1', ends_at => '2044-12-31');
SELECT scheduler.schedule_job('x', '0 0 1 1 *', 'SELECT 1', starts_at => '2044-02-01', ends_at => '2044-12-31');
SELECT scheduler.alter_job('b', schedule => '@at 2020-01-01 10:00');
SELECT count(*) FROM scheduler.jobs WHERE job_name = 'x';

-- names of zones are those of schedules
ALTER SYSTEM SET pg_scheduler.timezone = 'FOO5BAR';
SELECT scheduler.schedule_job('x', '@daily', 'SELECT 1', timezone => 'FOO5BAR');

DROP EXTENSION pg_scheduler;
DROP ROLE regress_forecast_user;
