-- Calendars: windows, errors, and what a job's next times make of them.
SET timezone = 'UTC';
SET client_min_messages = error;
DROP EXTENSION IF EXISTS pg_scheduler CASCADE;
RESET client_min_messages;
CREATE EXTENSION pg_scheduler;

-- outside of windows, inside of windows
SELECT scheduler.create_calendar('holidays', description => 'public holidays');
SELECT scheduler.add_calendar_dates('holidays', '{2030-12-25,2030-12-26,2030-12-25}', 'Christmas');
SELECT scheduler.add_calendar_dates('holidays', '{2030-12-26,2031-01-01}');
SELECT scheduler.add_calendar_window('holidays', from_time => '12:00', first_date => '2030-12-24', last_date => '2030-12-24') > 0;
SELECT scheduler.add_calendar_window('holidays', first_date => '2031-07-01', last_date => '2031-08-31') > 0;
SELECT scheduler.create_calendar('office', 'include', 'Europe/Berlin');
SELECT scheduler.add_calendar_window('office', 'mon-thu', '09:00', '18:00') > 0;
SELECT scheduler.add_calendar_window('office', 'fri', '09:00', '13:00') > 0;
SELECT scheduler.create_calendar('night');
SELECT scheduler.add_calendar_window('night', from_time => '22:00', to_time => '06:00') > 0;
SELECT scheduler.add_calendar_window('night', 'sat,sun') > 0;
SELECT calendar_name, mode, timezone, description FROM scheduler.calendars ORDER BY 1;
SELECT calendar_name, weekdays, from_time, to_time, first_date, last_date, description
	FROM scheduler.calendar_windows ORDER BY window_id;

-- the end of closed time
SELECT at, scheduler.calendar_next_open('holidays', at)
	FROM unnest('{2030-12-24 11:59:59.5,2030-12-24 12:00,2030-12-26 23:59:59,2030-12-27,2031-06-30 23:59:59.999999,2031-07-01}'::timestamptz[]) AS at;
SELECT at, scheduler.calendar_next_open('office', at)
	FROM unnest('{2030-01-04 07:59,2030-01-04 08:00,2030-01-04 11:59:59,2030-01-04 12:00,2030-01-07 16:59:59,2030-01-07 17:00}'::timestamptz[]) AS at;
SELECT at, scheduler.calendar_next_open('night', at)
	FROM unnest('{2030-01-03 22:00,2030-01-04 05:59:59,2030-01-04 06:00,2030-01-04 22:00,2030-01-06,2030-01-07 05:00}'::timestamptz[]) AS at;

-- windows are read on the clock on the wall: the skipped hour, the repeated one
SELECT scheduler.create_calendar('small hours', timezone => 'Europe/Berlin');
SELECT scheduler.add_calendar_window('small hours', from_time => '02:00', to_time => '03:00') > 0;
SELECT at, scheduler.calendar_next_open('small hours', at)
	FROM unnest('{2030-03-30 01:00,2030-03-31 00:59:59,2030-03-31 01:00,2030-10-26 23:59:59,2030-10-27 00:00,2030-10-27 01:30}'::timestamptz[]) AS at;
SELECT scheduler.create_calendar('half', 'include', 'Europe/Berlin');
SELECT scheduler.add_calendar_window('half', from_time => '02:30', to_time => '03:00') > 0;
SELECT at, scheduler.calendar_next_open('half', at)
	FROM unnest('{2030-03-31 00:00,2030-10-27 00:00,2030-10-27 00:59:59,2030-10-27 01:00,2030-10-27 02:00}'::timestamptz[]) AS at;

-- never, and a long time
SELECT scheduler.create_calendar('empty', 'include');
SELECT scheduler.calendar_next_open('empty', '2030-01-01');
SELECT scheduler.create_calendar('far', 'include');
SELECT scheduler.add_calendar_dates('far', '{2038-02-03}');
SELECT scheduler.calendar_next_open('far', '2030-01-01'), scheduler.calendar_next_open('far', '2038-02-04');
SELECT scheduler.create_calendar('closed');
SELECT scheduler.add_calendar_window('closed', first_date => '2030-01-01') > 0;
SELECT scheduler.calendar_next_open('closed', '2029-12-31 23:59'), scheduler.calendar_next_open('closed', '2030-01-01');

-- how weekdays are spelt
SELECT scheduler.create_calendar('days');
SELECT scheduler.add_calendar_window('days', w) > 0
	FROM unnest('{mon,Saturday - Tuesday,"sun, 3",5-7,7,*,mon-sun,"tue,thu-fri",0}'::text[]) AS w;
SELECT weekdays FROM scheduler.calendar_windows WHERE calendar_name = 'days' ORDER BY window_id;

-- changes
SELECT scheduler.remove_calendar_dates('holidays', '{2031-01-01,2030-01-01}');
SELECT scheduler.alter_calendar('holidays', timezone => 'America/New_York');
SELECT scheduler.calendar_next_open('holidays', '2030-12-26');
SELECT scheduler.create_calendar('days', 'include', replace => true);
SELECT count(*) FROM scheduler.calendar_windows WHERE calendar_name = 'days';

-- jobs that refer to one
SELECT scheduler.schedule_job('in office', '0 */6 * * *', 'SELECT 1', calendar => 'office',
	starts_at => '2040-01-06 00:00Z') > 0;
SELECT next_run_at, calendar, calendar_action FROM scheduler.jobs;
SELECT * FROM scheduler.next_job_runs('in office', 4);
SELECT scheduler.alter_job('in office', calendar_action => 'defer');
SELECT * FROM scheduler.next_job_runs('in office', 6);
SELECT scheduler.alter_job('in office', misfire => 'run_all');
SELECT * FROM scheduler.next_job_runs('in office', 6);
SELECT scheduler.drop_calendar('office');
SELECT scheduler.alter_job('in office', calendar => '');
SELECT next_run_at, calendar FROM scheduler.jobs;
SELECT scheduler.drop_calendar('office');
SELECT count(*) FROM scheduler.calendar_windows WHERE calendar_name = 'office';
SELECT scheduler.alter_job('in office', calendar => 'empty', misfire => 'run_once');
SELECT next_run_at, state FROM scheduler.jobs;

-- errors
SELECT scheduler.create_calendar('night');
SELECT scheduler.create_calendar('');
SELECT scheduler.create_calendar(NULL);
SELECT scheduler.create_calendar('x', 'open');
SELECT scheduler.create_calendar('x', timezone => 'Mars/Olympus');
SELECT scheduler.alter_calendar('nowhere');
SELECT scheduler.drop_calendar('nowhere');
SELECT scheduler.add_calendar_dates('nowhere', '{2030-01-01}');
SELECT scheduler.add_calendar_dates('night', '{2030-01-01,NULL}');
SELECT scheduler.add_calendar_dates('night', '{infinity}');
SELECT scheduler.add_calendar_window('night');
SELECT scheduler.add_calendar_window('night', w) FROM unnest('{""}'::text[]) AS w;
SELECT scheduler.add_calendar_window('night', 'mon-');
SELECT scheduler.add_calendar_window('night', 'mon,,tue');
SELECT scheduler.add_calendar_window('night', '8');
SELECT scheduler.add_calendar_window('night', 'montag');
SELECT scheduler.add_calendar_window('night', from_time => '24:00');
SELECT scheduler.add_calendar_window('night', from_time => '10:00:00.5');
SELECT scheduler.add_calendar_window('night', first_date => '2030-01-02', last_date => '2030-01-01');
SELECT scheduler.remove_calendar_window(0);
SELECT scheduler.calendar_next_open('nowhere');
SELECT scheduler.schedule_job('x', '@daily', 'SELECT 1', calendar => 'nowhere');
SELECT scheduler.schedule_job('x', '@daily', 'SELECT 1', calendar => 'night', calendar_action => 'wait');

-- A calendar has a size, and whether it ever opens is not looked for for long.
SELECT scheduler.create_calendar('crowded');
INSERT INTO scheduler.calendar_window (calendar_name, from_time, to_time)
SELECT 'crowded', time '00:00' + i * interval '8 s', time '00:00' + i * interval '8 s' + interval '9 s'
FROM generate_series(0, 9999) i;
SELECT scheduler.calendar_next_open('crowded', '2030-01-01 12:00+00');
SELECT scheduler.add_calendar_window('crowded', from_time => '22:10', to_time => '01:00');
SELECT scheduler.add_calendar_dates('crowded', '{2030-01-01}');
SELECT scheduler.alter_calendar('crowded', 'include');
SELECT scheduler.calendar_next_open('crowded', '2030-01-01 23:00+00');
SELECT scheduler.drop_calendar('crowded');

-- everybody may create one, see all and refer to them; owners change them
CREATE ROLE regress_calendar_user LOGIN;
SET ROLE regress_calendar_user;
SELECT scheduler.create_calendar('mine');
SELECT count(*) > 1 FROM scheduler.calendars;
SELECT scheduler.add_calendar_dates('mine', '{2030-01-01}');
SELECT scheduler.add_calendar_dates('night', '{2030-01-01}');
SELECT scheduler.alter_calendar('night', 'include');
SELECT scheduler.create_calendar('night', replace => true);
SELECT scheduler.remove_calendar_window((SELECT min(window_id) FROM scheduler.calendar_windows WHERE calendar_name = 'night'));
SELECT scheduler.drop_calendar('night');
DELETE FROM scheduler.calendar;
SELECT scheduler.schedule_job('theirs', '@daily', 'SELECT 1', calendar => 'night') > 0;
SELECT scheduler.schedule_job('own', '@daily', 'SELECT 1', calendar => 'mine') > 0;
RESET ROLE;
SELECT scheduler.schedule_job('other', '@daily', 'SELECT 1', calendar => 'mine') > 0;
SET ROLE regress_calendar_user;
SELECT scheduler.unschedule_job('own');
\set VERBOSITY default
SELECT scheduler.drop_calendar('mine');
RESET ROLE;
SELECT scheduler.unschedule_job('other');
SET ROLE regress_calendar_user;
SELECT scheduler.unschedule_job('theirs');
SELECT scheduler.drop_calendar('mine');
RESET ROLE;

DROP EXTENSION pg_scheduler;
DROP ROLE regress_calendar_user;
