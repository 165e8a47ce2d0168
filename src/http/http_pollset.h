/*-------------------------------------------------------------------------
 *
 * http_pollset.h
 *	  The sockets that libcurl waits for, behind one file descriptor.
 *
 * A WaitEventSet cannot give up a socket before PostgreSQL 19, and libcurl's
 * sockets come and go.  They are kept in an epoll set of our own, whose
 * descriptor is readable when any of them is ready.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_SCHEDULER_HTTP_POLLSET_H
#define PG_SCHEDULER_HTTP_POLLSET_H

#define HTTP_POLL_READ		1
#define HTTP_POLL_WRITE		2
#define HTTP_POLL_ERROR		4

typedef struct HttpPollSet HttpPollSet;

typedef struct HttpPollEvent
{
	int			socket;
	int			events;			/* HTTP_POLL_... */
} HttpPollEvent;

/* NULL, with errno set, when there is no memory or descriptor left. */
extern HttpPollSet *http_pollset_create(void);
extern void http_pollset_free(HttpPollSet *set);

/*
 * The descriptor to wait for, or -1 where the platform has no such thing:
 * then nobody tells, and one has to look every few milliseconds.
 */
extern int	http_pollset_fd(const HttpPollSet *set);

/* Watch a socket for events, or for nothing: then it is forgotten. */
extern bool http_pollset_watch(HttpPollSet *set, int socket, int events);

/* Fetch what is ready, without waiting.  Returns how many. */
extern int	http_pollset_ready(HttpPollSet *set, HttpPollEvent *events, int size);

#endif							/* PG_SCHEDULER_HTTP_POLLSET_H */
