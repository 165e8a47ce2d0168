/*-------------------------------------------------------------------------
 *
 * cron_parse.c
 *	  Cron fields: from text to sets of values.
 *
 * A field is a list of items, each of which adds values to the field's set.
 * The items that depend on the month (L, 15W, friL, fri#2) have sets of
 * their own; H is replaced by its value at once.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "rules/calendar.h"
#include "rules/cron.h"

#define MAX_FIELDS		7

/* H in the day-of-month field stays within the days that each month has. */
#define MAX_HASH_MDAY	28

/* No month has more days from Monday to Friday. */
#define MAX_WORKDAYS	23

typedef enum CronUnit
{
	CRON_SECOND,
	CRON_MINUTE,
	CRON_HOUR,
	CRON_MDAY,
	CRON_MONTH,
	CRON_WDAY,
	CRON_YEAR
} CronUnit;

typedef struct CronUnitInfo
{
	const char *name;			/* as a sentence begins with it */
	int			min;
	int			max;
	int			count;			/* how many different values */
	const char *const *names;	/* of the values from min on, or NULL */
	int			num_names;
	const char *phrase;			/* as it stands inside a sentence */
	const char *hint;
} CronUnitInfo;

static const char *const month_names[] = {
	"january", "february", "march", "april", "may", "june", "july",
	"august", "september", "october", "november", "december"
};

static const char *const wday_names[] = {
	"sunday", "monday", "tuesday", "wednesday", "thursday", "friday",
	"saturday"
};

StaticAssertDecl(lengthof(month_names) == 12 && lengthof(wday_names) == 7,
				 "a name's place is its number");

static const CronUnitInfo units[] = {
	{"Second", 0, 59, 60, NULL, 0, "the second",
	"Seconds are 0 to 59: a number, a range 10-20, a list 0,30, a step */10, or H."},
	{"Minute", 0, 59, 60, NULL, 0, "the minute",
	"Minutes are 0 to 59: a number, a range 10-20, a list 0,30, a step */5, or H."},
	{"Hour", 0, 23, 24, NULL, 0, "the hour",
	"Hours are 0 to 23: a number, a range 22-2, a list 8,20, a step */6, or H."},
	{"Day of month", 1, 31, 31, NULL, 0, "the day of the month",
	"Days are 1 to 31, L for the last, L-3 for three before it, LW for the last working day, LW-1 for the one before it, W#3 for the third, and 15W for the weekday nearest to the 15th."},
	{"Month", 1, 12, 12, month_names, lengthof(month_names), "the month",
	"Months are 1 to 12, or jan to dec."},
	{"Weekday", 0, 7, 7, wday_names, lengthof(wday_names), "the weekday",
	"Weekdays are 0 to 7 with 0 and 7 for Sunday, or sun to sat; fri#2 is the second, friL the last and friL-1 the last but one Friday of the month; &fri if the day of the month must match as well."},
	{"Year", CRON_MIN_YEAR, CRON_MAX_YEAR,
		CRON_MAX_YEAR - CRON_MIN_YEAR + 1, NULL, 0, "the year",
	"Years are 1970 to 2200: a number, a range 2026-2030, a list, or *."}
};

/* One field while it is read. */
typedef struct CronField
{
	ScheduleText *in;
	CronFields *cron;
	CronUnit	unit;
	const CronUnitInfo *info;
	int			number;			/* 1 for the first field of the text */
	uint64		hash;
} CronField;

static const char *const fields_hint =
"Use five cron fields, minute hour day month weekday, such as \"30 2 * * mon-fri\", or an interval such as \"30 seconds\".";

static uint64 *
field_set(CronField *field)
{
	CronFields *cron = field->cron;

	switch (field->unit)
	{
		case CRON_SECOND:
			return &cron->seconds;
		case CRON_MINUTE:
			return &cron->minutes;
		case CRON_HOUR:
			return &cron->hours;
		case CRON_MDAY:
			return &cron->mdays;
		case CRON_MONTH:
			return &cron->months;
		case CRON_WDAY:
			return &cron->wdays;
		case CRON_YEAR:
			break;
	}
	return NULL;
}

/*
 * Add the values first, first + step, ... up to last.  When last is smaller,
 * the range wraps around the end of the unit.
 */
static void
add_range(CronField *field, int first, int last, int step)
{
	const CronUnitInfo *info = field->info;
	uint64	   *set = field_set(field);
	int			value;

	if (set == NULL)
	{
		for (value = first; value <= last; value += step)
		{
			int			bit = value - CRON_MIN_YEAR;

			field->cron->years[bit / 64] |= UINT64CONST(1) << (bit % 64);
		}
		return;
	}

	if (last < first)
		last += info->count;
	for (value = first; value <= last; value += step)
	{
		/* 7 is the other name of Sunday, 0 */
		int			wrapped = value >= info->min + info->count ?
		value - info->count : value;

		*set |= UINT64CONST(1) << wrapped;
	}
}

/*
 * Spread hashes evenly (the finalizer of a 64-bit mixing function), with a
 * different result for each unit.
 */
static uint64
field_hash(const CronField *field)
{
	uint64		h = field->hash +
	(uint64) (field->unit + 1) * UINT64CONST(0x9E3779B97F4A7C15);

	h ^= h >> 32;
	h *= UINT64CONST(0xD6E8FEB86659FD93);
	h ^= h >> 32;
	h *= UINT64CONST(0xD6E8FEB86659FD93);
	h ^= h >> 32;
	return h;
}

static bool
out_of_range(CronField *field, const char *at)
{
	ScheduleWord word = {at, 0};

	while (schedule_is_digit(at[word.length]))
		word.length++;
	return schedule_fail(field->in, at, field->info->hint,
						 "%s %.*s in field %d is not between %d and %d.",
						 field->info->name, SCHEDULE_WORD_ARGS(word),
						 field->number, field->info->min, field->info->max);
}

/*
 * Look a month or weekday up by its full name or the first three letters.
 * *length is how much of the word the name takes.
 */
static bool
find_name(const CronUnitInfo *info, ScheduleWord word, int *value, int *length)
{
	/* what may follow a name directly is the L of "friL" */
	for (int cut = 0; cut <= 1 && word.length - cut >= 3; cut++)
	{
		int			letters = word.length - cut;

		if (cut == 1 && (info->names != wday_names ||
						 pg_strncasecmp(word.start + letters, "l", 1) != 0))
			break;
		for (int i = 0; i < info->num_names; i++)
		{
			if ((letters == 3 || letters == (int) strlen(info->names[i])) &&
				pg_strncasecmp(word.start, info->names[i], letters) == 0)
			{
				*value = info->min + i;
				*length = letters;
				return true;
			}
		}
	}
	return false;
}

/* Read a number or a name. */
static bool
read_field_value(CronField *field, int *value)
{
	ScheduleText *in = field->in;
	const char *start = in->p;
	ScheduleWord word;
	int			length;

	if (schedule_is_digit(*in->p))
	{
		(void) schedule_read_number(in, value);
		if (*value < field->info->min || *value > field->info->max)
			return out_of_range(field, start);
		return true;
	}

	word = schedule_read_letters(in);
	if (word.length > 0 && find_name(field->info, word, value, &length))
	{
		in->p = start + length;
		return true;
	}
	if (word.length > 0)
		return schedule_fail(in, start, field->info->hint,
							 "\"%.*s\" is not a value of field %d, %s.",
							 SCHEDULE_WORD_ARGS(word), field->number,
							 field->unit == CRON_MDAY ? "the day of the month" :
							 field->unit == CRON_WDAY ? "the weekday" :
							 field->unit == CRON_MONTH ? "the month" :
							 field->unit == CRON_YEAR ? "the year" :
							 field->unit == CRON_HOUR ? "the hour" :
							 field->unit == CRON_MINUTE ? "the minute" :
							 "the second");
	if (*start == '-' && schedule_is_digit(start[1]))
		return schedule_fail(in, start, field->info->hint,
							 "Field %d has a negative number, it must be between %d and %d.",
							 field->number, field->info->min, field->info->max);
	if (*start == '\0' || schedule_is_blank(*start))
		return schedule_fail(in, start, field->info->hint,
							 "Field %d ends where a value is expected.",
							 field->number);
	return schedule_fail(in, start, field->info->hint,
						 "Field %d has \"%c\" where a value is expected.",
						 field->number, *start);
}

/* Read the step behind a slash, if there is one; else leave *step alone. */
static bool
read_step(CronField *field, int *step)
{
	ScheduleText *in = field->in;
	const char *start;
	ScheduleWord word;

	if (*in->p != '/')
		return true;
	start = ++in->p;

	if (*start == '-')
		return schedule_fail(in, start,
							 "Steps go forward; a range such as 22-2 wraps around.",
							 "The step in field %d is negative, it must be between 1 and %d.",
							 field->number, field->info->count);
	if (schedule_read_number(in, step) == 0)
		return schedule_fail(in, start, field->info->hint,
							 "The step in field %d is not a number.",
							 field->number);
	if (*step >= 1 && *step <= field->info->count)
		return true;

	word.start = start;
	word.length = (int) (in->p - start);
	return schedule_fail(in, start,
						 "For a period that the next larger field does not divide into, use an interval such as \"every 90 minutes\".",
						 "Step %.*s in field %d is not between 1 and %d.",
						 SCHEDULE_WORD_ARGS(word), field->number,
						 field->info->count);
}

/* Read what follows H: a range in parentheses, a step. */
static bool
read_hash(CronField *field, const char *start)
{
	ScheduleText *in = field->in;
	const CronUnitInfo *info = field->info;
	int			first = info->min;
	int			last = info->min + info->count - 1;
	int			step = 0;
	int			choices;

	if (field->unit == CRON_YEAR)
		return schedule_fail(in, start, field->info->hint,
							 "H cannot stand for a year, in field %d.",
							 field->number);
	if (field->unit == CRON_MDAY)
		last = MAX_HASH_MDAY;

	if (*in->p == '(')
	{
		const char *range = ++in->p;

		if (!read_field_value(field, &first))
			return false;
		if (*in->p != '-')
			return schedule_fail(in, in->p, "Write H with a range as H(0-29).",
								 "The range of H in field %d has no \"-\".",
								 field->number);
		in->p++;
		if (!read_field_value(field, &last))
			return false;
		if (*in->p != ')')
			return schedule_fail(in, in->p, "Write H with a range as H(0-29).",
								 "The range of H in field %d has no \")\".",
								 field->number);
		in->p++;
		if (last < first)
			return schedule_fail(in, range, "Write H with a range as H(0-29).",
								 "The range of H in field %d goes backward.",
								 field->number);
	}
	if (!read_step(field, &step))
		return false;

	choices = last - first + 1;
	if (step > 0)
		choices = Min(choices, step);
	first += (int) (field_hash(field) % choices);
	if (step > 0)
		add_range(field, first, last, step);
	else
		add_range(field, first, first, 1);
	return true;
}

/* Read the "-n" that may follow L: a number from 1 to max; else 0. */
static bool
read_before_last(CronField *field, const char *what, int max, int *number)
{
	ScheduleText *in = field->in;
	const char *start;

	*number = 0;
	if (*in->p != '-')
		return true;
	start = ++in->p;
	if (schedule_read_number(in, number) == 0 || *number < 1 || *number > max)
		return schedule_fail(in, start, field->info->hint,
							 "The %s, in field %d, are not between 1 and %d.",
							 what, field->number, max);
	return true;
}

/* Read what follows a word of the day-of-month field: L, LW or W. */
static bool
read_day_word(CronField *field, ScheduleWord word)
{
	ScheduleText *in = field->in;
	CronFields *cron = field->cron;
	int			number;

	if (schedule_word_is(word, "l"))
	{
		if (!read_before_last(field, "days before the last day", 30, &number))
			return false;
		cron->before_last |= UINT64CONST(1) << number;
	}
	else if (schedule_word_is(word, "lw"))
	{
		if (!read_before_last(field, "working days before the last one",
							  MAX_WORKDAYS - 1, &number))
			return false;
		cron->last_workdays |= UINT64CONST(1) << number;
	}
	else
	{
		const char *start = in->p + 1;

		if (*in->p++ != '#' || schedule_read_number(in, &number) == 0 ||
			number < 1 || number > MAX_WORKDAYS)
			return schedule_fail(in, start, field->info->hint,
								 "The number after \"W#\" in field %d is not between 1 and %d.",
								 field->number, MAX_WORKDAYS);
		cron->nth_workdays |= UINT64CONST(1) << number;
	}
	return true;
}

/*
 * Read what may follow a single value in the day fields: W, L, #n.  *done
 * says whether something did.
 */
static bool
read_day_suffix(CronField *field, const char *start, int value, bool *done)
{
	ScheduleText *in = field->in;
	char		c = *in->p;
	int			nth;

	*done = true;
	if (field->unit == CRON_MDAY && (c == 'W' || c == 'w'))
	{
		in->p++;
		field->cron->nearest |= UINT64CONST(1) << value;
	}
	else if (field->unit == CRON_WDAY && (c == 'L' || c == 'l'))
	{
		in->p++;
		if (!read_before_last(field, "weekdays before the last one", 4, &nth))
			return false;
		field->cron->last_wdays[nth] |= UINT64CONST(1) << (value % 7);
	}
	else if (field->unit == CRON_WDAY && c == '#')
	{
		start = ++in->p;
		if (schedule_read_number(in, &nth) == 0 || nth < 1 || nth > 5)
			return schedule_fail(in, start, field->info->hint,
								 "The number after \"#\" in field %d is not between 1 and 5.",
								 field->number);
		field->cron->nth_wdays[nth - 1] |= UINT64CONST(1) << (value % 7);
	}
	else
		*done = false;
	return true;
}

/*
 * "*", with a step perhaps, or "?".  *done is false if the item is neither.
 */
static bool
read_any(CronField *field, bool *done)
{
	ScheduleText *in = field->in;
	const CronUnitInfo *info = field->info;
	int			step = 1;

	*done = *in->p == '*' || *in->p == '?';
	if (!*done)
		return true;
	if (*in->p == '?' && field->unit != CRON_MDAY && field->unit != CRON_WDAY)
		return schedule_fail(in, in->p, "Use \"*\" for any value.",
							 "\"?\" stands for any day, but field %d is not a day.",
							 field->number);
	if (*in->p++ == '*' && !read_step(field, &step))
		return false;
	add_range(field, info->min, info->min + info->count - 1, step);
	return true;
}

/* What may follow the value "first": the end of a range, a step, or nothing. */
static bool
read_range(CronField *field, const char *start, int first)
{
	ScheduleText *in = field->in;
	const CronUnitInfo *info = field->info;
	int			last = first;
	int			step = 1;

	if (*in->p == '-')
	{
		in->p++;
		if (!read_field_value(field, &last))
			return false;
		if (field->unit == CRON_WDAY && first == 7 && last < 7)
			first = 0;
		if (field->unit == CRON_YEAR && last < first)
			return schedule_fail(in, start, field->info->hint,
								 "The range of years in field %d goes backward.",
								 field->number);
		if (!read_step(field, &step))
			return false;
	}
	else if (*in->p == '/')
	{
		/* n/step means from n on */
		if (first == info->min + info->count)
			first = info->min;	/* Sunday as 7 */
		last = info->min + info->count - 1;
		if (!read_step(field, &step))
			return false;
	}
	add_range(field, first, last, step);
	return true;
}

/* Read one item of a field's list. */
static bool
read_item(CronField *field)
{
	ScheduleText *in = field->in;
	const char *start = in->p;
	ScheduleWord word;
	int			first;
	bool		done;

	if (!read_any(field, &done))
		return false;
	if (done)
		return true;

	word = schedule_read_letters(in);
	if (schedule_word_is(word, "h"))
		return read_hash(field, start);
	if (field->unit == CRON_MDAY &&
		(schedule_word_is(word, "l") || schedule_word_is(word, "lw") ||
		 (schedule_word_is(word, "w") && *in->p == '#')))
		return read_day_word(field, word);
	in->p = start;

	if (!read_field_value(field, &first))
		return false;
	if (!read_day_suffix(field, start, first, &done))
		return false;
	return done || read_range(field, start, first);
}

/* Read one field, a list of items. */
static bool
read_field(CronField *field)
{
	ScheduleText *in = field->in;

	for (;;)
	{
		if (*in->p == ',' || *in->p == '\0' || schedule_is_blank(*in->p))
			return schedule_fail(in, in->p, field->info->hint,
								 "Field %d has an empty list element.",
								 field->number);
		if (!read_item(field))
			return false;
		if (*in->p == '\0' || schedule_is_blank(*in->p))
			return true;
		if (*in->p != ',')
		{
			ScheduleWord rest = schedule_peek_token(in);

			return schedule_fail(in, in->p, field->info->hint,
								 "Field %d has unexpected text \"%.*s\".",
								 field->number, SCHEDULE_WORD_ARGS(rest));
		}
		in->p++;
	}
}

/* The day-of-month field has all days: forget those that depend on the month. */
static void
drop_day_items(CronFields *cron)
{
	cron->nearest = 0;
	cron->before_last = 0;
	cron->nth_workdays = 0;
	cron->last_workdays = 0;
}

/*
 * Give equal schedules equal bits.
 *
 * The rule for the two day fields comes from Vixie cron: when both are
 * restricted, either is enough, else both must match; and a field that
 * starts with a star counts as unrestricted even when it has a step.  A "&"
 * before the weekdays says that both must match, whatever they are.
 */
static void
normalize(CronFields *cron, bool free_mdays, bool free_wdays)
{
	uint64		every_nth = cron->nth_wdays[0];
	uint64		every_last = cron->last_wdays[0];

	for (int i = 1; i < 5; i++)
	{
		every_nth &= cron->nth_wdays[i];
		every_last &= cron->last_wdays[i];
	}
	cron->wdays |= every_nth | every_last;
	for (int i = 0; i < 5; i++)
	{
		cron->nth_wdays[i] &= ~cron->wdays;
		cron->last_wdays[i] &= ~cron->wdays;
	}

	if (!cron_has_mdays(cron))
		drop_day_items(cron);

	cron->either = !free_mdays && !free_wdays;
	if (cron_has_mdays(cron) && cron_has_wdays(cron))
		return;
	if (cron->either)
	{
		cron->mdays = CRON_ALL_MDAYS;
		drop_day_items(cron);
		cron->wdays = CRON_ALL_WDAYS;
		memset(cron->nth_wdays, 0, sizeof(cron->nth_wdays));
		memset(cron->last_wdays, 0, sizeof(cron->last_wdays));
		cron->either = false;
	}
}

/* Find the fields of the text.  Returns how many there are, all counted. */
static int
split_fields(ScheduleText *in, const char *starts[MAX_FIELDS + 1])
{
	const char *p = in->p;
	int			count = 0;

	for (;;)
	{
		while (schedule_is_blank(*p))
			p++;
		if (count <= MAX_FIELDS)
			starts[count] = p;
		if (*p == '\0')
			return count;
		count++;
		while (*p != '\0' && !schedule_is_blank(*p))
			p++;
	}
}

static bool
can_match(const CronFields *cron)
{
	int64		match;

	/* from the start of a whole cycle of the calendar */
	return cron_match(cron, NULL, calendar_day(CRON_MIN_YEAR, 1, 1) *
					  CALENDAR_DAY_SECONDS, &match);
}

bool
cron_parse(ScheduleText *in, uint64 hash, CronFields *cron)
{
	const char *starts[MAX_FIELDS + 1];
	const char *start = in->p;
	int			count = split_fields(in, starts);
	bool		free_mdays = false;
	bool		free_wdays = false;

	if (count < 5)
		return schedule_fail(in, starts[count], fields_hint,
							 "A cron schedule has five to seven fields, this one ends after %d.",
							 count);
	if (count > MAX_FIELDS)
		return schedule_fail(in, starts[MAX_FIELDS], fields_hint,
							 "A cron schedule has five to seven fields, this one has %d.",
							 count);

	if (count == 5)
		cron->seconds = 1;
	cron->any_year = true;
	for (int i = 0; i < count; i++)
	{
		CronField	field;
		char		c = *starts[i];

		field.in = in;
		field.cron = cron;
		field.unit = (CronUnit) (count == 5 ? i + 1 : i);
		field.info = &units[field.unit];
		field.number = i + 1;
		field.hash = hash;

		if (field.unit == CRON_MDAY)
			free_mdays = (c == '*' || c == '?');
		if (field.unit == CRON_WDAY)
			free_wdays = (c == '*' || c == '?' || c == '&');
		if (field.unit == CRON_YEAR)
			cron->any_year = (c == '*' && (starts[i][1] == '\0' ||
										   schedule_is_blank(starts[i][1])));

		in->p = starts[i] + (field.unit == CRON_WDAY && c == '&');
		if (!read_field(&field))
			return false;
	}
	schedule_skip_blanks(in);
	if (cron->any_year)
		memset(cron->years, 0, sizeof(cron->years));

	normalize(cron, free_mdays, free_wdays);
	if (!can_match(cron))
		return schedule_fail(in, start,
							 "Check that the months, in the years given, have the days asked for.",
							 "No day of any year matches, so the schedule can never fire.");
	return true;
}
