/*-------------------------------------------------------------------------
 *
 * job_metrics.h
 *	  What a scheduler remembers of the runs that have just ended.
 *
 * Every outcome passes through here on its way to job_state, and costs a hash
 * lookup and a few additions.  monitor.c looks at what has changed now and
 * then, and writes it a minute at a time: history is never read.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_SCHEDULER_JOB_METRICS_H
#define PG_SCHEDULER_JOB_METRICS_H

#include "lib/ilist.h"

#include "rules/alert_kind.h"
#include "rules/health_rules.h"
#include "shared/shmem.h"
#include "state/job_cache.h"
#include "table/events.h"

/* The sliding window of rates consists of this number of slots. */
#define METRICS_SLOTS		5

typedef struct WindowSlot
{
	int			attempts;
	int			failures;
	int			timeouts;
	int			recycled;		/* workers that left for their memory */
} WindowSlot;

typedef struct JobMetrics
{
	int64		job_id;			/* hash key */
	Oid			owner;
	char		queue[NAMEDATALEN];
	int64		lateness;		/* of the last start */
	TimestampTz long_since;		/* start of a run that goes on for too long, or DT_NOBEGIN */
	TimestampTz overdue_since;	/* the last success, which is too long ago; DT_NOBEGIN: not */
	int			not_run;		/* occurrences in a row that were skipped or missed ... */
	TimestampTz not_run_since;	/* ... and the first of them */
	int64		window_start;	/* number of the newest slot */
	WindowSlot	window[METRICS_SLOTS];
	int			new_failures;	/* since the alert was last written */
	TimestampTz alerted_at;		/* when that was */
	bool		dead_letter;	/* there is a new one */
	int			failed_runs;	/* over without success, since job_failed was written */
	uint64		raised;			/* kinds of alerts that are open: ALERT_BIT() */
	uint64		raised_before;	/* for job_alert_compare() */
	uint64		calm;			/* not to be raised before there are news: job_alert.c */
	bool		news;			/* an attempt has ended since the job was judged */
	HealthState state;			/* as written */
	const char *rule;			/* Health.rule, as written; NULL: not known */
	bool		dirty;			/* to be judged */
	dlist_node	dirty_node;
	Tally		tally;
} JobMetrics;

extern void job_metrics_init(void);

/* The end of an attempt.  Must not fail. */
extern void job_metrics_outcome(const JobEntry *job, const Outcome *outcome);

/* An attempt was counted in the state of a job, found in history. */
extern void job_metrics_counted(const JobEntry *job, RunStatus status, bool final);

/* Occurrences of it were skipped or missed, and are counted. */
extern void job_metrics_passed_over(const JobEntry *job, RunStatus status, int64 occurrences);

/* An occurrence was skipped or missed; not for a calendar.  Must not fail. */
extern void job_metrics_not_run(const JobEntry *job, TimestampTz now);

/* A worker died that was not asked to. */
extern void job_metrics_worker_died(TimestampTz now);

/* How many of those there were since a time; a limited number is known. */
extern int	job_metrics_deaths_since(TimestampTz since);

/* How many since this was last asked. */
extern int64 job_metrics_take_deaths(void);

/* A worker left for its memory after a run of this job. */
extern void job_metrics_recycled(int64 job_id, TimestampTz now);

/* The metrics of a job; made if need be. NULL: there are too many. */
extern JobMetrics *job_metrics_get(int64 job_id, Oid owner, const char *queue);

/* The metrics of a job, or NULL. */
extern JobMetrics *job_metrics_find(int64 job_id);

/* How many metrics there are. */
extern int64 job_metrics_count(void);

/* Have a job judged. */
extern void job_metrics_touch(JobMetrics *metrics);
extern int	job_metrics_dirty_count(void);

/* Take the metrics that have been dirty for longest, or NULL. */
extern JobMetrics *job_metrics_take_dirty(void);

/* Sums over the window that ends now, and how wide its slots are. */
extern WindowSlot job_metrics_window(JobMetrics *metrics, TimestampTz now);
extern void job_metrics_set_width(int64 width);

/* An attempt is late that begins later than this after it was due, in us. */
extern void job_metrics_set_late(int64 limit);

/* Call for every metrics; the callback may forget it. */
extern void job_metrics_foreach(void (*callback) (JobMetrics *metrics, void *arg), void *arg);
extern void job_metrics_forget(JobMetrics *metrics);

/* Has anything ended since job_metrics_clear_tally() for all? */
extern bool job_metrics_tallied(void);
extern bool job_metrics_tally_is_empty(const Tally *tally);
extern void job_metrics_clear_tally(JobMetrics *metrics);
extern void job_metrics_tallies_written(void);

#endif							/* PG_SCHEDULER_JOB_METRICS_H */
