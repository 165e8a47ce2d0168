/*-------------------------------------------------------------------------
 *
 * http_pollset.c
 *	  The sockets that libcurl waits for, behind one file descriptor.
 *
 * With epoll where there is one, else with poll() on an array.  Called from
 * libcurl's callbacks: no palloc(), no ereport().
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <unistd.h>

#if defined(__linux__) && !defined(HTTP_POLLSET_USE_POLL)
#define USE_EPOLL
#include <sys/epoll.h>
#else
#include <poll.h>
#endif

#include "http/http_pollset.h"

#ifdef USE_EPOLL

struct HttpPollSet
{
	int			fd;
};

HttpPollSet *
http_pollset_create(void)
{
	HttpPollSet *set = malloc(sizeof(HttpPollSet));

	if (set == NULL)
		return NULL;
	set->fd = epoll_create1(EPOLL_CLOEXEC);
	if (set->fd < 0)
	{
		free(set);
		return NULL;
	}
	return set;
}

void
http_pollset_free(HttpPollSet *set)
{
	close(set->fd);
	free(set);
}

int
http_pollset_fd(const HttpPollSet *set)
{
	return set->fd;
}

bool
http_pollset_watch(HttpPollSet *set, int socket, int events)
{
	struct epoll_event event = {.data.fd = socket};

	if (events & HTTP_POLL_READ)
		event.events |= EPOLLIN;
	if (events & HTTP_POLL_WRITE)
		event.events |= EPOLLOUT;
	if (events == 0)
	{
		/* a socket that was closed has left by itself */
		(void) epoll_ctl(set->fd, EPOLL_CTL_DEL, socket, &event);
		return true;
	}
	if (epoll_ctl(set->fd, EPOLL_CTL_MOD, socket, &event) == 0)
		return true;
	return errno == ENOENT &&
		epoll_ctl(set->fd, EPOLL_CTL_ADD, socket, &event) == 0;
}

int
http_pollset_ready(HttpPollSet *set, HttpPollEvent *events, int size)
{
	struct epoll_event ready[64];
	int			count = epoll_wait(set->fd, ready, Min(size, lengthof(ready)), 0);

	for (int i = 0; i < count; i++)
	{
		events[i].socket = ready[i].data.fd;
		events[i].events = 0;
		if (ready[i].events & EPOLLIN)
			events[i].events |= HTTP_POLL_READ;
		if (ready[i].events & EPOLLOUT)
			events[i].events |= HTTP_POLL_WRITE;
		if (ready[i].events & (EPOLLERR | EPOLLHUP))
			events[i].events |= HTTP_POLL_ERROR;
	}
	return Max(count, 0);
}

#else							/* !USE_EPOLL */

struct HttpPollSet
{
	int			count;
	int			size;
	int			next;			/* where to go on, to be fair */
	struct pollfd *sockets;
};

HttpPollSet *
http_pollset_create(void)
{
	return calloc(1, sizeof(HttpPollSet));
}

void
http_pollset_free(HttpPollSet *set)
{
	free(set->sockets);
	free(set);
}

int
http_pollset_fd(const HttpPollSet *set)
{
	return -1;
}

bool
http_pollset_watch(HttpPollSet *set, int socket, int events)
{
	int			i;

	for (i = 0; i < set->count && set->sockets[i].fd != socket; i++)
		;
	if (events == 0)
	{
		if (i < set->count)
			set->sockets[i] = set->sockets[--set->count];
		return true;
	}
	if (i == set->size)
	{
		int			size = Max(set->size * 2, 64);
		struct pollfd *sockets = realloc(set->sockets, size * sizeof(struct pollfd));

		if (sockets == NULL)
			return false;
		set->sockets = sockets;
		set->size = size;
	}
	if (i == set->count)
		set->count++;
	set->sockets[i].fd = socket;
	set->sockets[i].events = 0;
	if (events & HTTP_POLL_READ)
		set->sockets[i].events |= POLLIN;
	if (events & HTTP_POLL_WRITE)
		set->sockets[i].events |= POLLOUT;
	return true;
}

int
http_pollset_ready(HttpPollSet *set, HttpPollEvent *events, int size)
{
	int			found = 0;

	if (set->count == 0 || poll(set->sockets, set->count, 0) <= 0)
		return 0;
	for (int i = 0; i < set->count && found < size; i++)
	{
		struct pollfd *entry = &set->sockets[(set->next + i) % set->count];

		if (entry->revents == 0)
			continue;
		events[found].socket = entry->fd;
		events[found].events = 0;
		if (entry->revents & POLLIN)
			events[found].events |= HTTP_POLL_READ;
		if (entry->revents & POLLOUT)
			events[found].events |= HTTP_POLL_WRITE;
		if (entry->revents & (POLLERR | POLLHUP | POLLNVAL))
			events[found].events |= HTTP_POLL_ERROR;
		found++;
	}
	set->next++;
	return found;
}

#endif							/* USE_EPOLL */
