/*-------------------------------------------------------------------------
 *
 * schedule_parse.c
 *	  From the text of a schedule to what is kept of it.
 *
 * A text is one schedule, or several with semicolons between.  Each is looked
 * at from its first word on to tell which form it has; then one reader takes
 * all of it (schedule_form.c).  What is kept of a text is one chunk of memory.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "rules/schedule_impl.h"

/* What the name of a zone consists of. */
#define ZONE_CHARACTERS \
	"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_/+-:"

/*
 * Refuse what no form has: too much text, control characters, and anything
 * that is not ASCII.  After this a byte is a character.
 */
static bool
check_characters(ScheduleText *in)
{
	const char *p;

	for (p = in->text; *p != '\0'; p++)
	{
		unsigned char c = (unsigned char) *p;

		if (p - in->text >= SCHEDULE_MAX_LENGTH)
			return schedule_fail(in, p, schedule_forms_hint,
								 "A schedule has at most %d characters.",
								 SCHEDULE_MAX_LENGTH);
		if (c < ' ' && c != '\t')
			return schedule_fail(in, p, "Put the schedule on one line, without control characters.",
								 "The text has a control character, number %d.",
								 c);
		if (c >= 0x7F)
			return schedule_fail(in, p, "Schedules are written in ASCII.",
								 "The text has a character that no schedule has.");
	}
	return true;
}

/* Read a CRON_TZ= or TZ= prefix.  *zone stays as it is when there is none. */
static bool
read_zone_prefix(ScheduleText *in, Zone **zone)
{
	const char *start = in->p;
	ScheduleWord word = schedule_read_letters(in);

	if (schedule_word_is(word, "cron") && pg_strncasecmp(in->p, "_tz=", 4) == 0)
		in->p += 4;
	else if (schedule_word_is(word, "tz") && *in->p == '=')
		in->p++;
	else
	{
		in->p = start;
		return true;
	}
	if (!schedule_read_zone(in, zone))
		return false;
	schedule_skip_blanks(in);
	return true;
}

/* The zone of texts that name none. */
static bool
find_zone(ScheduleText *in, const char *given, Zone **zone)
{
	size_t		length;

	*zone = zone_find(given);
	if (*zone != NULL)
		return true;

	/* it is not part of the text, so it may have any characters */
	length = strspn(given, ZONE_CHARACTERS);
	if (given[length] == '\0' && length > 0 && length < ZONE_NAME_SIZE)
		(void) schedule_fail(in, in->text, schedule_zone_hint,
							 "Time zone \"%.64s\" does not exist.", given);
	else
		(void) schedule_fail(in, in->text, schedule_zone_hint,
							 "The schedule's time zone does not exist.");
	in->error->position = 0;
	return false;
}

/*
 * Make sure that the normal form can be read again.
 *
 * Only a list, hundreds of years, or a zone with a very long name can make it
 * longer than a text may be.
 */
static bool
check_normal_form(ScheduleText *in, const Schedule *schedule)
{
	char		zone[ZONE_NAME_SIZE];
	char	   *normal;
	bool		fits;

	if (schedule->form->kind != SCHEDULE_LIST &&
		(schedule->form->kind != SCHEDULE_CRON ||
		 (schedule->cron.any_year &&
		  strlen(zone_name(schedule->zone, zone)) <= 64)))
		return true;
	normal = schedule_normal_form(schedule);
	fits = strlen(normal) <= SCHEDULE_MAX_LENGTH;
	pfree(normal);
	if (fits)
		return true;
	return schedule_fail(in, in->text, "Use shorter lists of values.",
						 "The schedule's normal form has more than %d characters.",
						 SCHEDULE_MAX_LENGTH);
}

/*
 * Read one schedule, up to the end of the text.  *zone is that of texts which
 * name none; a zone that this one names holds for those behind it, too.
 */
static bool
read_schedule(ScheduleText *in, const char *given, Zone **zone, uint64 hash,
			  Schedule *schedule)
{
	schedule_skip_blanks(in);
	if (!read_zone_prefix(in, zone) ||
		(*zone == NULL && !find_zone(in, given, zone)))
		return false;
	schedule->zone = *zone;
	return schedule_read_form(in, hash, schedule);
}

/*
 * Read schedules with semicolons between.  "copy" is the text of "in", to be
 * cut at them.
 */
static bool
read_list(ScheduleText *in, char *copy, const char *given, uint64 hash,
		  Schedule *list)
{
	ScheduleText part = {copy, copy, in->error};
	Zone	   *zone = NULL;

	list->form = &schedule_forms[0];
	for (int i = 0; i < list->nparts; i++)
	{
		char	   *end = strchr(copy, ';');
		const char *start;

		if (end != NULL)
			*end = '\0';
		schedule_skip_blanks(&part);
		start = part.p;
		if (!read_schedule(&part, given, &zone, hash, &list->parts[i]))
			return false;
		if (!schedule_is(&list->parts[i], SCHEDULE_RECURS | SCHEDULE_FIXED))
			return schedule_fail(&part, start,
								 "Use cron fields, intervals and \"@at\" in a list.",
								 "This form of schedule cannot be one of several.");
		if (end != NULL)
			part.p = copy = end + 1;
	}
	return true;
}

Schedule *
schedule_parse(const char *text, const char *zone, uint64 hash,
			   ScheduleError *error)
{
	ScheduleText in = {text, text, error};
	Zone	   *found = NULL;
	Schedule   *result;
	int			nparts = 1;
	bool		ok;

	memset(error, 0, sizeof(ScheduleError));
	if (!check_characters(&in))
		return NULL;
	for (const char *p = text; *p != '\0'; p++)
	{
		nparts += *p == ';';
		if (nparts > SCHEDULE_MAX_PARTS)
		{
			(void) schedule_fail(&in, p, NULL, "A job has at most %d schedules.",
								 SCHEDULE_MAX_PARTS);
			return NULL;
		}
	}

	result = palloc0(sizeof(Schedule) * (nparts > 1 ? nparts + 1 : 1));
	if (nparts == 1)
		ok = read_schedule(&in, zone, &found, hash, result);
	else
	{
		char	   *copy = pstrdup(text);

		result->nparts = nparts;
		result->parts = result + 1;
		ok = read_list(&in, copy, zone, hash, result);
		pfree(copy);
	}
	if (ok && check_normal_form(&in, result))
		return result;
	pfree(result);
	return NULL;
}
