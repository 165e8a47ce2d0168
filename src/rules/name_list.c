/*-------------------------------------------------------------------------
 *
 * name_list.c
 *	  Reading the names of jobs and queues that users give: "after",
 *	  "depends_on".
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "rules/name_list.h"

static bool
is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f' || c == '\v';
}

static void
skip_space(const char **text)
{
	while (is_space(**text))
		(*text)++;
}

static char *
fail(NameProblem *problem, const char *detail, const char *hint)
{
	problem->detail = detail;
	problem->hint = hint;
	return NULL;
}

/*
 * What is left of *text begins with a double quote: the name up to the next.  It
 * takes the memory of a name, not of all that is behind it.
 */
static char *
quoted_name(const char **text, NameProblem *problem)
{
	const char *begin = *text + 1;
	const char *end;
	char	   *name;
	char	   *to;

	for (end = begin; end[0] != '"' || end[1] == '"'; end++)
	{
		if (end[0] == '\0')
			return fail(problem, "A quoted name has no end.",
						"A double quote within a quoted name is written twice.");
		if (end[0] == '"')
			end++;				/* the second of two */
	}
	to = name = palloc(end - begin + 1);
	for (const char *at = begin; at < end; at++)
	{
		*to++ = *at;
		if (*at == '"')
			at++;
	}
	*to = '\0';
	*text = end + 1;
	return name;
}

/* A name without quotes: up to a comma, without the white space around it. */
static char *
plain_name(const char **text)
{
	const char *begin = *text;
	const char *end = begin + strcspn(begin, ",");

	*text = end;
	while (end > begin && is_space(end[-1]))
		end--;
	return pnstrdup(begin, end - begin);
}

char *
name_list_next(const char **text, NameProblem *problem)
{
	static const char *const by_commas = "Separate the names of jobs by commas.";
	char	   *name;

	skip_space(text);
	name = **text == '"' ? quoted_name(text, problem) : plain_name(text);
	if (name == NULL)
		return NULL;
	skip_space(text);
	if (name[0] == '\0')
		return fail(problem, "The name of a job is missing.", by_commas);
	if (**text != '\0' && **text != ',')
		return fail(problem, psprintf("There is something behind the quoted name \"%s\".", name),
					by_commas);
	*text = **text == '\0' ? NULL : *text + 1;
	return name;
}

/* Take a prefix off a text, where it has it. */
static bool
take_prefix(const char **text, const char *prefix)
{
	if (strncmp(*text, prefix, strlen(prefix)) != 0)
		return false;
	*text += strlen(prefix);
	return true;
}

TargetKind
name_list_target(const char **text)
{
	if (take_prefix(text, "job_id:"))
		return TARGET_JOB_ID;
	if (take_prefix(text, "queue:"))
		return TARGET_QUEUE;
	if (take_prefix(text, "job:"))
		return TARGET_JOB;
	return TARGET_UNSAID;
}

bool
name_list_job_id(const char *text, int64 *job_id)
{
	char	   *end;

	errno = 0;
	*job_id = strtoi64(text, &end, 10);
	return *text != '\0' && *end == '\0' && errno == 0 && *job_id > 0;
}
