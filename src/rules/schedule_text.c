/*-------------------------------------------------------------------------
 *
 * schedule_text.c
 *	  Reading a schedule's text: a cursor, its tokens, its errors.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "rules/schedule_text.h"

/* Room for one detail; what does not fit is cut off. */
#define DETAIL_SIZE		256

bool
schedule_fail(ScheduleText *in, const char *at, const char *hint,
			  const char *format,...)
{
	char	   *detail = palloc(DETAIL_SIZE);
	va_list		args;

	va_start(args, format);
	vsnprintf(detail, DETAIL_SIZE, format, args);
	va_end(args);

	in->error->position = (int) (at - in->text) + 1;
	in->error->detail = detail;
	in->error->hint = hint;
	return false;
}

void
schedule_skip_blanks(ScheduleText *in)
{
	while (schedule_is_blank(*in->p))
		in->p++;
}

ScheduleWord
schedule_read_letters(ScheduleText *in)
{
	ScheduleWord word = {in->p, 0};

	while (schedule_is_letter(*in->p))
		in->p++;
	word.length = (int) (in->p - word.start);
	return word;
}

ScheduleWord
schedule_peek_token(const ScheduleText *in)
{
	ScheduleWord word = {in->p, 0};

	while (word.start[word.length] != '\0' &&
		   !schedule_is_blank(word.start[word.length]))
		word.length++;
	return word;
}

int
schedule_read_number(ScheduleText *in, int *number)
{
	int			digits = 0;
	int64		value = 0;

	for (; schedule_is_digit(*in->p); in->p++, digits++)
	{
		if (value < PG_INT32_MAX)
			value = value * 10 + (*in->p - '0');
	}
	*number = (int) Min(value, PG_INT32_MAX);
	return digits;
}

bool
schedule_word_is(ScheduleWord word, const char *keyword)
{
	return strlen(keyword) == (size_t) word.length &&
		pg_strncasecmp(word.start, keyword, word.length) == 0;
}
