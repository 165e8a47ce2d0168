/*-------------------------------------------------------------------------
 *
 * http_worker.c
 *	  The process that sends the HTTP requests of one database.
 *
 * Runs come out of the HTTP lane as fast as the client has room for them.
 * The process waits in one place for everything: its latch, the end of the
 * postmaster, and the one descriptor that stands for all connections.  No
 * transaction, snapshot or lock is held there.  What has been answered since
 * is recorded in one transaction.
 *
 * It connects as the bootstrap superuser, for it reads the secrets of all
 * roles; it executes nothing that a user has written.
 *
 * It may be told to leave: then it takes nothing more and finishes what is
 * under way; or to drop that: what has not been answered is done again.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <sys/resource.h>

#include "access/xact.h"
#include "libpq/pqsignal.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "tcop/tcopprot.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "base/clock.h"
#include "base/compat.h"
#include "base/cycle.h"
#include "base/guc.h"
#include "base/process.h"
#include "execute/http_run.h"
#include "http/http_client.h"
#include "process/http_worker.h"
#include "shared/http_flight.h"
#include "shared/lane.h"
#include "table/extension.h"
#include "table/query.h"

/* Runs taken out of the lane in one go */
#define TAKE_BATCH		64

/* Runs recorded in one transaction */
#define RECORD_BATCH	256

/* Descriptors for all else: files, the latch, name lookups */
#define OTHER_DESCRIPTORS	256

/* When the table of flights is full: 100 ms. */
#define FLIGHT_RETRY_MS	100

static HttpClient *client = NULL;
static WaitEventSet *wait_set = NULL;
static MemoryContext run_context = NULL;
static HttpRun *in_flight[HTTP_FLIGHTS];	/* by flight; NULL: not ours */
static dlist_head done = DLIST_STATIC_INIT(done);	/* yet to be recorded */
static int	ndone = 0;
static TimestampTz idle_since;

/*
 * Attach and detach
 */

static void
http_worker_detach(int code, Datum arg)
{
	if (client != NULL)
		http_client_destroy(client);
	client = NULL;
	LWLockAcquire(scheduler_shared->lock, LW_EXCLUSIVE);
	(void) process_detach(&shmem_my_db->http);
	shmem_my_db->http_left = true;
	http_flight_end_all(shmem_my_db);
	process_wake(&shmem_my_db->scheduler);
	LWLockRelease(scheduler_shared->lock);
	ConditionVariableBroadcast(&scheduler_shared->process_left);
}

/*
 * Become the HTTP worker of a database, unless there is one, or must not be,
 * or what the last one left behind has yet to be seen to.
 */
static bool
http_worker_attach(Oid database)
{
	bool		result = false;

	LWLockAcquire(scheduler_shared->lock, LW_EXCLUSIVE);
	shmem_my_db = shmem_find_database(database);
	if (shmem_my_db != NULL && shmem_my_db->quiesced == 0 && shmem_my_db->http.pid == 0 &&
		!shmem_my_db->http_left)
	{
		process_attach(&shmem_my_db->http);
		shmem_my_db->http_runs = 0;
		shmem_my_db->http_leave = shmem_my_db->http_drop = shmem_my_db->http_cancel = false;
		process_wake(&shmem_my_db->scheduler);
		result = true;
	}
	LWLockRelease(scheduler_shared->lock);
	return result;
}

/*
 * The client
 */

/*
 * Each request takes a descriptor, and as many connections may be kept open
 * for later ones.  The usual soft limit of 1024 is not enough: take what the
 * hard limit allows.  Returns how many requests there are descriptors for.
 */
static int
raise_descriptor_limit(int requests)
{
	rlim_t		wanted = 2 * requests + OTHER_DESCRIPTORS;
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0 ||
		limit.rlim_cur == RLIM_INFINITY || limit.rlim_cur >= wanted)
		return requests;
	limit.rlim_cur = limit.rlim_max == RLIM_INFINITY ? wanted : Min(wanted, limit.rlim_max);
	if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
		(void) getrlimit(RLIMIT_NOFILE, &limit);
	if (limit.rlim_cur >= wanted)
		return requests;
	ereport(WARNING,
			(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
			 errmsg("the operating system allows %d open files, not enough for %d HTTP requests at once",
					(int) limit.rlim_cur, requests),
			 errhint("Raise the limit of open files, or lower pg_scheduler.http_max_in_flight.")));
	return Max(((int) limit.rlim_cur - OTHER_DESCRIPTORS) / 2, 1);
}

static void
read_settings(HttpLimits *limits, HttpPolicy *policy)
{
	char		detail[160];
	HttpNetworks *networks =
		palloc(http_networks_size(pg_scheduler_http_allowed_networks));

	if (!http_networks_parse(pg_scheduler_http_allowed_networks, networks,
							 detail, sizeof(detail)))
		elog(ERROR, "invalid list of networks: %s", detail);
	limits->max_in_flight = raise_descriptor_limit(pg_scheduler_http_max_in_flight);
	limits->max_in_flight_per_host = pg_scheduler_http_max_in_flight_per_host;
	limits->max_held = pg_scheduler_http_max_in_flight;
	limits->max_memory = (size_t) pg_scheduler_http_max_memory * 1024;
	policy->networks = networks;
	policy->proxy = pg_scheduler_http_proxy[0] ? pg_scheduler_http_proxy : NULL;
	policy->ca_file = pg_scheduler_http_ca_file[0] ? pg_scheduler_http_ca_file : NULL;
}

static void
start_client(void)
{
	const char *problem = http_client_init();
	HttpLimits	limits;
	HttpPolicy	policy;

	if (problem != NULL)
		ereport(FATAL,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("pg_scheduler cannot send HTTP requests"),
				 errdetail("%s", problem)));
	read_settings(&limits, &policy);
	client = http_client_create(&limits, &policy);
	if (client == NULL)
		ereport(FATAL,
				(errcode(ERRCODE_OUT_OF_MEMORY),
				 errmsg("pg_scheduler could not create an HTTP client")));
	wait_set = compat_create_wait_event_set(TopMemoryContext, 3);
	AddWaitEventToSet(wait_set, WL_LATCH_SET, PGINVALID_SOCKET, MyLatch, NULL);
	AddWaitEventToSet(wait_set, WL_EXIT_ON_PM_DEATH, PGINVALID_SOCKET, NULL, NULL);
	if (http_client_fd(client) >= 0)
		AddWaitEventToSet(wait_set, WL_SOCKET_READABLE, http_client_fd(client), NULL, NULL);
}

static void
handle_signals(void)
{
	HttpLimits	limits;
	HttpPolicy	policy;

	CHECK_FOR_INTERRUPTS();
	if (!ConfigReloadPending)
		return;
	ConfigReloadPending = false;
	ProcessConfigFile(PGC_SIGHUP);
	read_settings(&limits, &policy);
	if (!http_client_configure(client, &limits, &policy))
		ereport(WARNING,
				(errcode(ERRCODE_OUT_OF_MEMORY),
				 errmsg("pg_scheduler could not apply changed HTTP settings")));
}

/*
 * From the lane to the client
 */

static void
set_done(HttpRun *http)
{
	http->transfer = NULL;
	http->has_end = http->response != NULL ||
		(http->error != NULL && http->outcome.kind == OUTCOME_FINAL);
	dlist_push_tail(&done, &http->node);
	ndone++;
}

/* Runs that are being taken out of the lane */
typedef struct Taken
{
	Run		   *runs;
	int			n;
} Taken;

/* Roles share the places: a run whose role has enough of them stays in the lane. */
static bool
has_share(const Run *run, void *arg)
{
	Taken	   *taken = arg;
	int			of_role = 0;

	for (int i = 0; i < taken->n; i++)
		of_role += taken->runs[i].owner == run->owner;
	return http_client_admits(client, run->owner, of_role, taken->n);
}

/* Take up to "max" runs out of the lane. */
static int
take_runs(Run *runs, int *flights, TimestampTz now, int max)
{
	Lane	   *lane = &shmem_my_db->http_lane;
	Taken		taken = {runs, 0};
	int			n = 0;

	LWLockAcquire(scheduler_shared->lock, LW_EXCLUSIVE);
	if (!shmem_my_db->http_leave && shmem_my_db->quiesced == 0)
	{
		int			before = lane->nready;

		while (n < max && lane_take_if(lane, has_share, &taken, &runs[n]))
		{
			flights[n] = http_flight_begin(shmem_my_db, &runs[n], now);
			if (flights[n] < 0)
			{
				Run			displaced;
				bool		is_displaced;

				/* back to where it was: there is room */
				(void) lane_put(lane, &runs[n], &displaced, &is_displaced);
				break;
			}
			taken.n = ++n;
		}
		lane->blocked = n < max && lane->nready > 0;
		if (before > LANE_LOW_WATER && lane->nready <= LANE_LOW_WATER)
			process_wake(&shmem_my_db->scheduler);
	}
	LWLockRelease(scheduler_shared->lock);
	return n;
}

/* True: there may be more. */
static bool
send_runs(void)
{
	Run			runs[TAKE_BATCH];
	int			flights[TAKE_BATCH];
	TimestampTz now = clock_now();
	int			max = Min(http_client_room(client), TAKE_BATCH);
	int			n = max > 0 ? take_runs(runs, flights, now, max) : 0;

	for (int i = 0; i < n; i++)
		in_flight[flights[i]] = http_run_create(run_context, &runs[i], flights[i], now);
	for (int i = 0; i < n; i++)
	{
		HttpRun    *http = in_flight[flights[i]];

		if (!http_run_send(http, client))
			set_done(http);
	}
	return n == max && n > 0;
}

/* Somebody wants runs cancelled. */
static void
cancel_runs(void)
{
	int			flight = -1;

	if (!shmem_my_db->http_cancel)
		return;
	LWLockAcquire(scheduler_shared->lock, LW_EXCLUSIVE);
	shmem_my_db->http_cancel = false;
	while ((flight = http_flight_next(shmem_my_db->oid, flight)) >= 0)
	{
		HttpRun    *http = in_flight[flight];

		if (http_flight_at(flight)->cancel && http != NULL && http->transfer != NULL)
			http_client_cancel(client, http->transfer);
	}
	LWLockRelease(scheduler_shared->lock);
}

/*
 * From the client to the tables
 */

static void
collect_answers(void)
{
	HttpResponse *response;

	while ((response = http_client_next_done(client)) != NULL)
	{
		HttpRun    *http = response->tag;

		http->response = response;
		set_done(http);
	}
}

/*
 * Record runs in one transaction, in short when there is a problem with that.
 * The error if it failed, else NULL.
 */
static ErrorData *
record(HttpRun **runs, int n, const char *problem)
{
	ErrorData  *volatile error = NULL;

	PG_TRY();
	{
		cycle_start_transaction();
		MemoryContextSwitchTo(cycle_context);
		for (int i = 0; i < n; i++)
			if (runs[i]->has_end)
				http_run_record(runs[i], problem);
		cycle_commit_transaction();
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(cycle_context);
		error = CopyErrorData();
		FlushErrorState();
		AbortCurrentTransaction();
	}
	PG_END_TRY();
	MemoryContextSwitchTo(cycle_context);
	return error;
}

/* No record could be written, not even a short one. */
static void
set_unrecorded(HttpRun *http, const ErrorData *error)
{
	http->outcome.kind = OUTCOME_UNRECORDED;
	http->outcome.was_started = http->marked;
	ereport(WARNING,
			(errcode(error->sqlerrcode),
			 errmsg("could not record run " INT64_FORMAT " of job \"%s\": %s",
					http->run.run_id, http->job.job_name, error->message),
			 http->marked ?
			 errhint("Its record is tried again until it can be written; the request is not sent again.") :
			 errhint("The request is sent again until its record can be written.")));
}

/*
 * One run that cannot be recorded must not keep the others from it: after an
 * error each has a transaction of its own, two for its whole record and one
 * for a short one.
 */
static void
record_each(HttpRun **runs, int n)
{
	for (int i = 0; i < n; i++)
	{
		ErrorData  *error = record(&runs[i], 1, NULL);

		if (error != NULL)
			error = record(&runs[i], 1, NULL);
		if (error != NULL)
			error = record(&runs[i], 1, error->message);
		if (error != NULL)
			set_unrecorded(runs[i], error);
	}
}

/*
 * False: this process has to leave while the scheduler's ring is full.  The
 * latch is left alone, for it may have been set for what is in the lane.
 */
static bool
report_one(const Outcome *outcome)
{
	Assert(!IsTransactionState());
	Assert(!shmem_locked());
	while (!shmem_put_outcome(shmem_my_db, outcome))
	{
		process_wake(&shmem_my_db->scheduler);
		(void) WaitLatch(MyLatch, WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
						 1, compat_wait_event("PgSchedulerHttpReport"));
		if (ShutdownRequestPending || shmem_my_db->http_drop)
			return false;
	}
	return true;
}

/* Tell the scheduler what became of these runs, and let go of them. */
static void
report_http_runs(HttpRun **runs, int n)
{
	for (int i = 0; i < n; i++)
	{
		http_run_log(runs[i]);
		if (!report_one(&runs[i]->outcome))
			proc_exit(0);
	}
	LWLockAcquire(scheduler_shared->lock, LW_EXCLUSIVE);
	for (int i = 0; i < n; i++)
	{
		in_flight[runs[i]->flight] = NULL;
		http_flight_end(shmem_my_db, runs[i]->flight,
						runs[i]->outcome.kind == OUTCOME_FINAL);
	}
	shmem_my_db->http_runs += n;
	process_wake(&shmem_my_db->scheduler);
	LWLockRelease(scheduler_shared->lock);
	ConditionVariableBroadcast(&shmem_my_db->run_finished);
	for (int i = 0; i < n; i++)
	{
		if (runs[i]->response != NULL)
			http_client_release(client, runs[i]->response);
		http_run_free(runs[i]);
	}
	pgstat_report_stat(false);
}

static void
record_runs(void)
{
	while (ndone > 0)
	{
		HttpRun    *runs[RECORD_BATCH];
		int			n = 0;

		while (n < RECORD_BATCH && ndone > 0)
		{
			runs[n++] = dlist_container(HttpRun, node, dlist_pop_head_node(&done));
			ndone--;
		}
		if (record(runs, n, NULL) != NULL)
			record_each(runs, n);
		report_http_runs(runs, n);
		MemoryContextReset(cycle_context);
	}
}

/*
 * The loop
 */

static bool
is_leaving(void)
{
	return shmem_my_db->http_leave || shmem_my_db->quiesced > 0;
}

/* Has this process been without work for long enough?  Then nobody gives it any. */
static bool
idle_too_long(void)
{
	TimestampTz now = clock_now();
	bool		result;

	if (shmem_my_db->http_nflights > 0)
		idle_since = now;
	if (now - idle_since < (int64) pg_scheduler_worker_idle_timeout * 1000)
		return false;
	LWLockAcquire(scheduler_shared->lock, LW_EXCLUSIVE);
	result = shmem_my_db->http_lane.nready == 0;
	if (result)
		shmem_my_db->http_leave = true;
	LWLockRelease(scheduler_shared->lock);
	return result;
}

static bool
should_exit(void)
{
	if (ShutdownRequestPending || shmem_my_db->http_drop)
		return true;
	if (is_leaving())
		return shmem_my_db->http_nflights == 0;
	return idle_too_long();
}

/* Milliseconds until something has to be done without being told, or -1. */
static long
wait_timeout(void)
{
	long		timeout = http_client_timeout_ms(client);

	if (shmem_my_db->http_nflights == 0)
	{
		long		idle = Max(pg_scheduler_worker_idle_timeout, 1);

		/* other databases have all the flights, and do not tell when they end */
		if (shmem_my_db->http_lane.nready > 0)
			idle = Min(idle, FLIGHT_RETRY_MS);
		timeout = timeout < 0 ? idle : Min(timeout, idle);
	}
	return timeout;
}

static void
wait_for_events(bool more)
{
	WaitEvent	events[3];
	int			n;

	Assert(!IsTransactionState());
	Assert(!shmem_locked());
	n = WaitEventSetWait(wait_set, more ? 0 : wait_timeout(), events, lengthof(events),
						 compat_wait_event("PgSchedulerHttpMain"));
	for (int i = 0; i < n; i++)
		if (events[i].events & WL_LATCH_SET)
			ResetLatch(MyLatch);
}

static void
http_worker_loop(void)
{
	while (!should_exit())
	{
		bool		more;

		handle_signals();
		MemoryContextSwitchTo(cycle_context);
		MemoryContextReset(cycle_context);
		cancel_runs();
		more = send_runs();
		http_client_perform(client);
		collect_answers();
		record_runs();
		wait_for_events(more);
	}
}

/* After an error.  When the extension has gone, there is nothing left to do. */
static void
clear_http_error(void)
{
	(void) process_clear_error();
	process_wait_after_error();
	if (!extension_is_installed())
		proc_exit(0);
}

void
pg_scheduler_http_worker_main(Datum arg)
{
	Oid			database = DatumGetObjectId(arg);
	sigjmp_buf	local_sigjmp_buf;

	process_kind = PROCESS_HTTP_WORKER;
	pqsignal(SIGTERM, SignalHandlerForShutdownRequest);
	pqsignal(SIGHUP, SignalHandlerForConfigReload);
	pqsignal(SIGINT, SIG_IGN);	/* runs are cancelled by their flights */
	BackgroundWorkerUnblockSignals();

	if (!http_worker_attach(database))
		proc_exit(0);
	before_shmem_exit(http_worker_detach, (Datum) 0);
	BackgroundWorkerInitializeConnectionByOid(database, InvalidOid, 0);
	process_set_up_session();
	pgstat_report_activity(STATE_IDLE, NULL);
	cycle_init();
	run_context = AllocSetContextCreate(TopMemoryContext, "pg_scheduler http runs",
										ALLOCSET_DEFAULT_SIZES);
	MemoryContextSwitchTo(cycle_context);
	start_client();
	idle_since = clock_now();
	shmem_my_db->http_since = idle_since;

	if (sigsetjmp(local_sigjmp_buf, 1) != 0)
		clear_http_error();
	PG_exception_stack = &local_sigjmp_buf;
	http_worker_loop();
	proc_exit(0);
}
