/*-------------------------------------------------------------------------
 *
 * schedule_list.c
 *	  Schedules: several that hold together.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "rules/schedule_impl.h"

bool
schedule_next_of_list(const Schedule *schedule, const ScheduleBase *base,
					  TimestampTz after, TimestampTz *next)
{
	bool		found = false;

	for (int i = 0; i < schedule->nparts; i++)
	{
		TimestampTz at;

		if (schedule_next(&schedule->parts[i], base, after, &at) &&
			(!found || at < *next))
		{
			*next = at;
			found = true;
		}
	}
	return found;
}

static int
compare_texts(const void *a, const void *b)
{
	return strcmp(*(char *const *) a, *(char *const *) b);
}

/* Sorted, and none of them twice: equal lists are spelt alike. */
void
schedule_write_list(StringInfo buf, const Schedule *schedule)
{
	char	  **texts = palloc(schedule->nparts * sizeof(char *));

	for (int i = 0; i < schedule->nparts; i++)
		texts[i] = schedule_normal_form(&schedule->parts[i]);
	qsort(texts, schedule->nparts, sizeof(char *), compare_texts);
	for (int i = 0; i < schedule->nparts; i++)
	{
		if (i > 0 && strcmp(texts[i], texts[i - 1]) == 0)
			continue;
		appendStringInfo(buf, "%s%s", buf->len > 0 ? "; " : "", texts[i]);
	}
	for (int i = 0; i < schedule->nparts; i++)
		pfree(texts[i]);
	pfree(texts);
}
