/*-------------------------------------------------------------------------
 *
 * query.h
 *	  The SQL that pg_scheduler executes itself; one function a statement.
 *
 * What belongs to one part of it alone has a header and a file of its own, all
 * named query_*.  Each function must be called in a transaction, and runs its
 * statement as the owner of the extension, with only pg_catalog in search_path
 * and all values bound as parameters.  The caller's identity, settings and
 * snapshot are as before when it returns.
 *
 * store.h has what goes tuple by tuple, without SQL.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_SCHEDULER_QUERY_H
#define PG_SCHEDULER_QUERY_H

#include "pgtime.h"

#include "rules/calendar_rules.h"
#include "table/store.h"

struct JobDefinition;

/*
 * Jobs that have a next time: a callback for each, with the role of whose
 * workers it needs one, or InvalidOid.
 */
typedef void (*NextRunCallback) (int64 job_id, Oid role, TimestampTz next_run_at, void *arg);
extern void query_scan_next_runs(NextRunCallback callback, void *arg);

/* Of these, the jobs whose calendar, of which this is the hash, may put them off. */
extern void query_scan_deferred_runs(int64 calendar_hash, NextRunCallback callback,
									 void *arg);

/* Jobs whose state does not belong to their current schedule. */
typedef void (*JobIdCallback) (int64 job_id, void *arg);
extern void query_scan_unplanned_jobs(JobIdCallback callback, void *arg);

/* Jobs with a next time, to whose schedules pg_scheduler.timezone may apply. */
extern void query_scan_unzoned_jobs(JobIdCallback callback, void *arg);

/* Jobs of a calendar, by the hash of its name, that ask which days are holidays. */
extern void query_scan_workday_jobs(int64 calendar_hash, JobIdCallback callback, void *arg);

/* Jobs that wait for the next start of the server: schedules at boot. */
extern int	query_find_reboot_jobs(int64 **job_ids);

/*
 * The attempts of runs with ids greater than "after", up to "upto", that
 * finished from "since" on and before "before" (infinite: any), and are in
 * history and not in job_state; oldest first.  What job_state has finished by
 * its last_finished_at, and is not among its open runs.
 */
typedef struct CountedRun
{
	int64		job_id;
	int64		run_id;
	int			attempt;
	RunStatus	status;
	TimestampTz started_at;
	TimestampTz finished_at;
	int64		occurrences;
	bool		final;
} CountedRun;
typedef void (*CountedRunCallback) (const CountedRun *run, void *arg);
extern void query_scan_uncounted_runs(int64 after, int64 upto, TimestampTz since,
									  TimestampTz before, CountedRunCallback callback,
									  void *arg);

/* A state that another is to take the place of. */
extern void query_delete_state(int64 job_id);

/* One attempt in history.  False: there is none. */
extern bool query_find_attempt(int64 run_id, int attempt, CountedRun *counted);

/* Has an occurrence been enqueued, or recorded? */
extern bool query_occurrence_exists(int64 job_id, TimestampTz scheduled_at);

/* Has it run, successfully or not? */
extern bool query_occurrence_ran(int64 job_id, TimestampTz scheduled_at);

/*
 * What start(), stop() and set_monitoring() have asked for.  Clients write it, and may leave their
 * transactions open: the scheduler only reads it.
 */
typedef struct ControlState
{
	bool		stopped;
	TimestampTz stop_deadline;	/* DT_NOBEGIN: none */
	bool		monitoring;
} ControlState;
extern void query_read_control(ControlState *control);
extern void query_write_stopped(bool stopped, TimestampTz deadline);
extern void query_write_monitoring(bool monitoring);

/* How far the scheduler has come; nobody else writes it. */
typedef struct SchedulerMarks
{
	int64		counted_run_id; /* all earlier runs are counted */
	TimestampTz booted_at;		/* DT_NOBEGIN: never */
	TimestampTz seen_at;		/* the clock, a while ago; DT_NOBEGIN: never */
	char		timezone[TZ_STRLEN_MAX + 1];	/* next times were planned with
												 * it; "": none were */
} SchedulerMarks;
extern void query_read_marks(SchedulerMarks *marks);
extern void query_mark_booted_at(TimestampTz booted_at);
extern void query_mark_timezone(const char *timezone);
extern void query_mark_counted(int64 run_id, TimestampTz now);

/*
 * After a clock that was ahead: schedules count from now that count from a time
 * later than "past", and retries that wait are due "ahead" us sooner (0: now, if
 * that is by a day more than they can wait).  What somebody has locked stays.
 */
extern void query_set_clocks_right(TimestampTz now, TimestampTz past, int64 ahead);

/*
 * Jobs in whose state, or anchor, a time that is past is later than "past", or
 * whose next time is later than "next".
 */
extern void query_scan_ahead_jobs(TimestampTz past, TimestampTz next,
								  JobIdCallback callback, void *arg);

/*
 * Pause a job.  The second is for the scheduler, which never waits for a row
 * that a user has locked: it passes that over.
 */
extern void query_pause_job(int64 job_id, TimestampTz paused_at, const char *reason);
/* Until when a job is paused that is; DT_NOBEGIN: until somebody resumes it. */
extern void query_set_paused_until(int64 job_id, TimestampTz until);

/* Resume a job whose pause is over.  False: it is not, or its row is locked. */
extern bool query_end_pause(int64 job_id, TimestampTz now);

extern int64 query_pause_jobs_of(Oid owner, TimestampTz paused_at, const char *reason);

/* Jobs of a role; giving them to another; dropping them. */
extern int64 query_count_jobs_of(Oid owner);
extern int64 query_reassign_jobs(Oid from, Oid to);
extern int64 query_drop_jobs_of(Oid owner);

/* Partitions of run_history and http_response; "day" is its start, UTC. */
extern bool query_partition_exists(const char *table, TimestampTz day);
extern void query_create_partition(const char *table, TimestampTz day);
extern int	query_find_old_partitions(TimestampTz before, char ***names);
extern void query_drop_partition(const char *name);

/* Keep an occurrence whose retries are exhausted. */
extern void query_insert_dead_letter(const RunRecord *record, Jsonb *args);

/*
 * For api.c (query_api.c)
 */

/* Insert or replace a job; its id.  An error if it exists and "replace" is false. */
extern int64 query_upsert_job(struct JobDefinition *def, bool replace);
extern void query_read_definition(int64 job_id, struct JobDefinition *def);
extern void query_update_job(int64 job_id, const struct JobDefinition *def);
extern void query_delete_job(int64 job_id);
/* Resume a job; occurrences up to a time are skipped then, DT_NOBEGIN: none more. */
extern void query_resume_job(int64 job_id, TimestampTz skip_through);
extern void query_set_skip_through(int64 job_id, TimestampTz skip_through);

/* False, or an empty string: there is none. */
extern bool query_find_job(Oid owner, const char *job_name, int64 *job_id);
extern bool query_find_job_owner(int64 job_id, Oid *owner);
extern char *query_job_name(int64 job_id);
extern bool query_queue_exists(const char *queue_name);

extern int	query_find_pending_of(int64 job_id, int64 **run_ids);
extern bool query_lock_pending(int64 run_id);
extern bool query_pending_is_mine(int64 run_id);
extern bool query_find_run_owner(int64 run_id, Oid *owner);
extern char *query_last_status(int64 run_id); /* NULL: none is on record */

/* Jobs that are enabled and not paused. */
extern int	query_find_active_jobs(int64 **job_ids);

typedef struct DeadLetter
{
	int64		dead_letter_id;
	int64		run_id;
	int64		job_id;
	Oid			owner;
	TimestampTz scheduled_at;
	Jsonb	   *args;
	bool		redriven;
} DeadLetter;

/* The row is locked.  False: there is none. */
extern bool query_read_dead_letter(int64 dead_letter_id, DeadLetter *letter);

/*
 * What it takes to run a run again that is over, by its last attempt; false:
 * there is none in history.  The id is that of its dead letter, if there is one
 * that was not redriven, else 0.
 */
extern bool query_read_finished_run(int64 run_id, DeadLetter *run);

/* Is a run of this occurrence pending? */
extern bool query_occurrence_pending(int64 job_id, TimestampTz scheduled_at);
extern int	query_find_dead_letters(int64 job_id, int64 **ids);
extern void query_mark_redriven(int64 dead_letter_id, TimestampTz now);
extern void query_delete_dead_letter(int64 dead_letter_id);

/*
 * Calendars (query_calendar.c)
 */

/* A row of calendar_window; a limit that is NULL is none. */
typedef struct CalendarWindowRow
{
	NullableDatum first_date;
	NullableDatum last_date;
	NullableDatum weekdays;		/* int4 */
	NullableDatum from_time;
	NullableDatum to_time;
	NullableDatum description;	/* text */
} CalendarWindowRow;

/* NULL if there is none; palloc'd. */
extern Calendar *query_read_calendar(const char *name);

/* False: there is none. */
extern bool query_find_calendar_owner(const char *name, Oid *owner);
extern void query_insert_calendar(const char *name, Oid owner, const char *mode,
								  const char *timezone, const char *description,
								  TimestampTz now);

/* Set all options, and remove all windows. */
extern void query_replace_calendar(const char *name, const char *mode,
								   const char *timezone, const char *description);

/* Set the options that are not NULL. */
extern void query_update_calendar(const char *name, const char *mode,
								  const char *timezone, const char *description);
extern void query_delete_calendar(const char *name);
extern int	query_find_jobs_of_calendar(const char *name, int64 **job_ids);

/* Windows of one day each, from a date[]; how many. */
extern int64 query_insert_calendar_dates(const char *name, Datum dates,
										 const char *description);
extern int64 query_delete_calendar_dates(const char *name, Datum dates);

/* Returns the window_id. */
extern int64 query_insert_calendar_window(const char *name, const CalendarWindowRow *row);

/* Dates are windows, too. */
extern int64 query_count_calendar_windows(const char *name);

/* NULL: there is no such window. */
extern char *query_find_calendar_of_window(int64 window_id);
extern void query_delete_calendar_window(int64 window_id);

/*
 * For HTTP jobs (query_http.c)
 */

/* Values as they are stored; key_id: of the key that they are encrypted with, or NULL. */
extern void query_set_secret(Oid owner, const char *name, const char *value,
							   const char *key_id);

/* The same for one that is there, which can get another owner. */
extern void query_move_secret(Oid owner, const char *name, Oid to, const char *value,
								const char *key_id);

/*
 * The secrets of a role, or with InvalidOid of all, that are not encrypted with
 * a key, if that is not NULL; how many.  They are locked.
 */
typedef struct SecretName
{
	Oid			owner;
	char	   *name;
} SecretName;

extern int	query_secret_names(Oid owner, const char *other_than_key, SecretName **names);

/* False: there is none of that name. */
extern bool query_drop_secret(Oid owner, const char *name);

/* What DROP OWNED and DROP ROLE do with secrets */
extern void query_drop_secrets_of(Oid owner);
extern void query_delete_orphaned_secrets(void);

/*
 * Remove a job of http_request() that is over and was not removed with its
 * run; it need not be such a job.  The same for those in a range of ids, up to
 * a number; how many.  One that somebody has locked stays, for the last of
 * these to find.
 */
extern void query_delete_spent_request(int64 job_id);
extern int64 query_delete_spent_requests(int64 after, int64 upto, int64 max);

/* The same with its run, which is over. */
extern void query_delete_request(int64 job_id);

#endif							/* PG_SCHEDULER_QUERY_H */
