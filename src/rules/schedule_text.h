/*-------------------------------------------------------------------------
 *
 * schedule_text.h
 *	  Reading a schedule's text: a cursor, its tokens, its errors.
 *
 * The text is known to be printable ASCII when it gets here, so a byte is a
 * character and an offset is a position.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#ifndef PG_SCHEDULER_SCHEDULE_TEXT_H
#define PG_SCHEDULER_SCHEDULE_TEXT_H

#include "lib/stringinfo.h"

#include "rules/schedule.h"

typedef struct ScheduleText
{
	const char *text;			/* start of the text, zero-terminated */
	const char *p;				/* where reading goes on */
	ScheduleError *error;
} ScheduleText;

/* A piece of the text. */
typedef struct ScheduleWord
{
	const char *start;
	int			length;
} ScheduleWord;

/*
 * Set the error, at the character "at" points to, and return false.  The
 * format makes the detail; "hint" is constant or NULL.
 */
extern bool schedule_fail(ScheduleText *in, const char *at, const char *hint,
						  const char *format,...) pg_attribute_printf(4, 5);

extern void schedule_skip_blanks(ScheduleText *in);

/* Read a run of letters, which may be empty. */
extern ScheduleWord schedule_read_letters(ScheduleText *in);

/* Look at the text up to the next blank without reading it. */
extern ScheduleWord schedule_peek_token(const ScheduleText *in);

/*
 * Read a run of digits.  Returns how many there are; a number of more than
 * nine digits reads as PG_INT32_MAX.
 */
extern int	schedule_read_number(ScheduleText *in, int *number);

/* Does the word spell "keyword", in any case? */
extern bool schedule_word_is(ScheduleWord word, const char *keyword);

static inline bool
schedule_is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static inline bool
schedule_is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static inline bool
schedule_is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* How much of a word an error message shows: for "%.*s". */
#define SCHEDULE_WORD_ARGS(word)	Min((word).length, 40), (word).start

#endif							/* PG_SCHEDULER_SCHEDULE_TEXT_H */
