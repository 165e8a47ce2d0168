/*-------------------------------------------------------------------------
 *
 * http_flight.c
 *	  HTTP runs that an HTTP worker has in hand.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "storage/shmem.h"

#include "base/clock.h"
#include "shared/http_flight.h"

Size
http_flight_shmem_size(void)
{
	return mul_size(HTTP_FLIGHTS, sizeof(HttpFlight));
}

void
http_flight_shmem_init(void *address)
{
	HttpFlight *flights = address;

	for (int i = 0; i < HTTP_FLIGHTS; i++)
	{
		flights[i].database = InvalidOid;
		flights[i].next_free = i + 1 < HTTP_FLIGHTS ? i + 1 : -1;
	}
	scheduler_shared->flights = flights;
	scheduler_shared->free_flight = 0;
}

HttpFlight *
http_flight_at(int flight)
{
	Assert(shmem_locked());
	return &scheduler_shared->flights[flight];
}

CancelReason
http_flight_why(int flight)
{
	CancelReason result;

	Assert(!shmem_locked());
	LWLockAcquire(scheduler_shared->lock, LW_SHARED);
	result = http_flight_at(flight)->why;
	LWLockRelease(scheduler_shared->lock);
	return result;
}

int
http_flight_begin(Database *db, const Run *run, TimestampTz started_at)
{
	int			result = scheduler_shared->free_flight;
	HttpFlight *flight;

	Assert(shmem_locked_exclusively());
	if (result < 0)
		return -1;
	flight = http_flight_at(result);
	scheduler_shared->free_flight = flight->next_free;
	flight->database = db->oid;
	flight->owner = run->owner;
	flight->run_id = run->run_id;
	flight->job_id = run->job_id;
	flight->attempt = run->attempt;
	flight->cancel = false;
	flight->cancel_at = DT_NOEND;
	flight->why = (CancelReason) {0};
	flight->started_at = started_at;
	db->http_nflights++;
	return result;
}

void
http_flight_end(Database *db, int flight, bool over)
{
	HttpFlight *ended = http_flight_at(flight);

	Assert(shmem_locked_exclusively());
	if (ended->cancel && !over)
		shmem_put_change_of(db, CHANGE_CANCEL, ended->run_id);
	ended->database = InvalidOid;
	ended->next_free = scheduler_shared->free_flight;
	scheduler_shared->free_flight = flight;
	db->http_nflights--;
}

int
http_flight_next(Oid database, int flight)
{
	Assert(shmem_locked());
	while (++flight < HTTP_FLIGHTS)
		if (scheduler_shared->flights[flight].database == database)
			return flight;
	return -1;
}

void
http_flight_end_all(Database *db)
{
	int			flight = -1;

	Assert(shmem_locked_exclusively());
	while (db->http_nflights > 0 && (flight = http_flight_next(db->oid, flight)) >= 0)
		http_flight_end(db, flight, false);
}

/* Nobody searches the table of a database that has no flights. */
static bool
has_flights(Database *db)
{
	return db != NULL && db->http_nflights > 0;
}

int
http_flight_find(int64 run_id)
{
	int			flight = -1;

	Assert(shmem_locked());
	if (!has_flights(shmem_find_database(MyDatabaseId)))
		return -1;
	while ((flight = http_flight_next(MyDatabaseId, flight)) >= 0)
		if (http_flight_at(flight)->run_id == run_id)
			break;
	return flight;
}

static void
cancel(Database *db, HttpFlight *flight, CancelReason why)
{
	Assert(shmem_locked_exclusively());
	if (!flight->cancel)
		flight->why = why;
	flight->cancel = true;
	flight->cancel_at = DT_NOEND;
	db->http_cancel = true;
	process_wake(&db->http);
}

bool
http_flight_cancel(int64 run_id, CancelReason why)
{
	int			flight = http_flight_find(run_id);

	Assert(shmem_locked_exclusively());
	if (flight >= 0)
		cancel(shmem_find_database(MyDatabaseId), http_flight_at(flight), why);
	return flight >= 0;
}

int
http_flight_cancel_job(int64 job_id, TimestampTz at, CancelReason why)
{
	Database   *db = shmem_find_database(MyDatabaseId);
	int			i = -1;
	int			n = 0;

	Assert(shmem_locked_exclusively());
	if (!has_flights(db))
		return 0;
	while ((i = http_flight_next(MyDatabaseId, i)) >= 0)
	{
		HttpFlight *flight = http_flight_at(i);

		if (flight->job_id != job_id || flight->cancel)
			continue;
		n++;
		flight->cancel_at = at;
		flight->why = why;
		db->http_cancel_at = Min(db->http_cancel_at, at);
	}
	(void) http_flight_cancel_due(db, clock_now());
	return n;
}

TimestampTz
http_flight_cancel_due(Database *db, TimestampTz now)
{
	TimestampTz next = DT_NOEND;
	int			i = -1;

	Assert(shmem_locked_exclusively());
	if (db->http_cancel_at > now)
		return db->http_cancel_at;
	while ((i = http_flight_next(db->oid, i)) >= 0)
	{
		HttpFlight *flight = http_flight_at(i);

		if (flight->cancel_at <= now)
			cancel(db, flight, flight->why);
		else
			next = Min(next, flight->cancel_at);
	}
	db->http_cancel_at = next;
	return next;
}
