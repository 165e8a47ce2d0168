/*-------------------------------------------------------------------------
 *
 * job_row.c
 *	  Rows of scheduler.job: their columns, and the options of jobs.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/detoast.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"

#include "table/job_row.h"

#define FIELD(member) \
	.field = offsetof(Job, member), .field_size = sizeof(((Job *) 0)->member)

const JobColumnInfo job_columns[JOB_COLUMNS] = {
#define JOB_COLUMN(symbol, column, column_type, ...) \
	[symbol - 1] = {.name = column, .type = column_type, __VA_ARGS__},
#define JOB_OPTION(symbol, column, column_type, ...) \
	[symbol - 1] = {.name = column, .type = column_type, .option = column, __VA_ARGS__},
#include "table/job_column_list.h"
#undef JOB_COLUMN
#undef JOB_OPTION
};

int
job_column_choice(JobColumn column, const char *value)
{
	const char *const *choices = job_column(column)->choices;

	for (int i = 0; choices[i] != NULL; i++)
		if (strcmp(choices[i], value) == 0)
			return i;
	return -1;
}

Datum
job_column_default(JobColumn column, JobKind kind, bool *isnull)
{
	const JobColumnInfo *info = job_column(column);
	const char *initial = info->initial;
	Oid			input;
	Oid			param;

	if (kind == JOB_HTTP && info->initial_http != NULL)
		initial = info->initial_http;
	*isnull = initial == NULL;
	if (initial == NULL)
		return (Datum) 0;
	getTypeInputInfo(info->type, &input, &param);
	return OidInputFunctionCall(input, unconstify(char *, initial), param, -1);
}

/*
 * From a row to a Job
 */

static int
read_choice(JobColumn column, const char *value)
{
	int			choice = job_column_choice(column, value);

	if (choice < 0)
		elog(ERROR, "unrecognized option \"%s\" in scheduler.job", value);
	return choice;
}

static void
read_text(JobColumn column, void *field, const char *value)
{
	if (job_column(column)->choices[0] != NULL)
		*(int *) field = read_choice(column, value);
	else
		*(const char **) field = value;
}

/* The value of a column that is not NULL. */
static void
read_column(JobColumn column, void *field, Datum value)
{
	switch (job_column(column)->type)
	{
		case TEXTOID:
			read_text(column, field, TextDatumGetCString(value));
			break;
		case JSONBOID:
			*(Jsonb **) field = DatumGetJsonbPCopy(value);
			break;
		case TEXTARRAYOID:
			*(ArrayType **) field = DatumGetArrayTypePCopy(value);
			break;
		case BOOLOID:
			*(bool *) field = DatumGetBool(value);
			break;
		case INT4OID:
			*(int32 *) field = DatumGetInt32(value);
			break;
		case REGROLEOID:
			*(Oid *) field = DatumGetObjectId(value);
			break;
		case INT8OID:
			*(int64 *) field = DatumGetInt64(value);
			break;
		case TIMESTAMPTZOID:
			*(TimestampTz *) field = DatumGetTimestampTz(value);
			break;
		case INTERVALOID:
			*(int64 *) field = job_interval_usecs(DatumGetIntervalP(value));
			break;
		default:
			elog(ERROR, "column \"%s\" of scheduler.job has a type without a field",
				 job_column(column)->name);
	}
}

void
job_row_read(Job *job, const Datum *values, const bool *nulls, bool content)
{
	memset(job, 0, sizeof(*job));
	for (int i = 0; i < JOB_COLUMNS; i++)
	{
		const JobColumnInfo *info = &job_columns[i];
		char	   *field = (char *) job + info->field;

		if (info->field == 0)
			continue;
		if (info->content && !nulls[i])
			job->content_size += toast_raw_datum_size(values[i]);
		if (info->content && !content)
			continue;
		if (!nulls[i])
			read_column((JobColumn) (i + 1), field, values[i]);
		else if (info->null_value != 0)
			*(int64 *) field = info->null_value;
	}
	job->job_id = DatumGetInt64(values[JOB_JOB_ID - 1]);
	text_to_cstring_buffer(DatumGetTextPP(values[JOB_JOB_NAME - 1]),
						   job->job_name, JOB_NAME_LENGTH);
	job->active = DatumGetBool(values[JOB_ENABLED - 1]) && nulls[JOB_PAUSED_AT - 1];
	job->leads = DatumGetBool(values[JOB_LEADS - 1]);
}
