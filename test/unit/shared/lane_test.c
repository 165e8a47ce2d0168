/*-------------------------------------------------------------------------
 *
 * lane_test.c
 *	  Lanes against an array that is sorted after each step.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "random.h"
#include "stand_in/server.h"
#include "shared/lane.h"
#include "tap.h"

#define LANES		4
#define STEPS		200000

static SchedulerShared shared;
static Lane lanes[LANES];

SchedulerShared *scheduler_shared = &shared;

/* What the lane should hold, in order */
static Run	model[LANE_DEPTH + 1];
static int	nmodel = 0;

static int
compare_runs(const void *a, const void *b)
{
	return run_goes_before(a, b) ? -1 : 1;
}

static void
put(Lane *lane, int64 run_id, int *failed)
{
	Run			run = {.run_id = run_id};
	Run			displaced;
	bool		is_displaced;
	bool		comes_last;
	bool		done;

	/* few values, so that each rule of the order decides at times */
	run.queue_priority = random_below(8) == 0;
	run.priority = random_below(3);
	run.turn = random_below(20);
	run.due_at = random_below(10);
	model[nmodel++] = run;
	qsort(model, nmodel, sizeof(Run), compare_runs);
	comes_last = nmodel > LANE_DEPTH && model[LANE_DEPTH].run_id == run_id;

	done = lane_put(lane, &run, &displaced, &is_displaced);
	if (done == comes_last || is_displaced != (nmodel > LANE_DEPTH && !comes_last))
		(*failed)++;
	if (nmodel > LANE_DEPTH)
	{
		nmodel--;
		if (is_displaced && displaced.run_id != model[nmodel].run_id)
			(*failed)++;
	}
}

static void
take(Lane *lane, int *failed)
{
	Run			run;

	if (nmodel > 0 && lane_first(lane)->run_id != model[0].run_id)
		(*failed)++;
	if (lane_take(lane, &run) != (nmodel > 0) ||
		(nmodel > 0 && run.run_id != model[0].run_id))
		(*failed)++;
	if (nmodel > 0)
		memmove(model, model + 1, --nmodel * sizeof(Run));
}

static void
remove_one(Lane *lane, int *failed)
{
	int			i = random_below(nmodel + 1);
	int64		run_id = i < nmodel ? model[i].run_id : -1;

	if (lane_remove(lane, run_id) != (i < nmodel))
		(*failed)++;
	if (i < nmodel)
		memmove(model + i, model + i + 1, (--nmodel - i) * sizeof(Run));
}

static bool
is_like_model(const Lane *lane)
{
	if (lane->nready != nmodel)
		return false;
	for (int i = 0; i < nmodel; i++)
		if (lane->ready[(lane->first + i) % LANE_DEPTH].run_id != model[i].run_id)
			return false;
	return true;
}

/* It fills and empties in turn, so that it is full and empty at times. */
static void
test_order(void)
{
	Lane	   *lane = &lanes[lane_obtain(1, 10)];
	int			failed = 0;
	int			unlike = 0;
	int			full = 0;
	int			empty = 0;

	for (int64 step = 0; step < STEPS; step++)
	{
		bool		fills = step / 1000 % 2 == 0;

		if (random_below(4) < (fills ? 3 : 1))
			put(lane, step, &failed);
		else if (random_below(4) > 0)
			take(lane, &failed);
		else
			remove_one(lane, &failed);
		unlike += !is_like_model(lane);
		full += nmodel == LANE_DEPTH;
		empty += nmodel == 0;
	}
	is_number(failed, 0, "what is put, taken and removed");
	is_number(unlike, 0, "what is left, in order");
	ok(full > 0 && empty > 0, "the lane was full and empty at times");
	lane_reset(lane);
	nmodel = 0;
	ok(is_like_model(lane), "a lane that was reset is empty");
}

static void
test_lanes(void)
{
	int			lane;

	is_number(lane_find(1, 10), lane_obtain(1, 10), "a lane is found by its database and role");
	is_number(lane_find(2, 10), -1, "not by the role alone");
	is_number(lane_find(1, 11), -1, "nor by the database alone");
	lane = lane_obtain(2, 10);
	ok(lane != lane_find(1, 10) && lane == lane_obtain(2, 10), "each has one lane");
	for (int role = 20; role < 20 + LANES - 2; role++)
		lane_obtain(1, role);
	ok(raises(lane_obtain(1, 30)), "there are no more lanes than workers");
	lane_release(&lanes[lane]);
	is_number(lane_find(2, 10), -1, "a lane that was released is nobody's");
	lanes[lane].first = 7;
	lanes[lane].more = true;
	lanes[lane].run_time = 1;
	is_number(lane_obtain(1, 30), lane, "it is there for another");
	ok(lanes[lane].nready == 0 && lanes[lane].nworkers == 0 && !lanes[lane].more &&
	   lanes[lane].run_time == WORKER_START_TIME, "as new");
}

int
main(void)
{
	shared.nworkers = LANES;
	shared.lanes = lanes;
	test_order();
	test_lanes();
	return done_testing();
}
