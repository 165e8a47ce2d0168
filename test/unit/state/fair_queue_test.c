/*-------------------------------------------------------------------------
 *
 * fair_queue_test.c
 *	  The fair queue against a plain list that is searched for who goes first,
 *	  and what its turns are for.
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "lib/pairingheap.h"
#include "utils/hsearch.h"

#include "random.h"
#include "stand_in/server.h"
#include "state/fair_queue.h"
#include "tap.h"

#define ITEMS		200
#define STREAMS		7
#define STEPS		100000
#define MANY		5000

typedef struct Item
{
	FairItem	fair;
	int			stream;
	int			rank;
	int			age;
	bool		in;
} Item;

static const char groups[2];	/* addresses of two groups */
static FairQueue queue;
static Item items[ITEMS];
static int	ages = 0;

/* What the queue should know of its streams */
static uint64 turns[STREAMS];
static uint64 floor_turn;

static bool
precedes(const FairItem *a, const FairItem *b)
{
	const Item *item_a = (const Item *) a;
	const Item *item_b = (const Item *) b;

	if (item_a->rank != item_b->rank)
		return item_a->rank > item_b->rank;
	return item_a->age < item_b->age;
}

static int
compare_rank(const FairItem *a, const FairItem *b)
{
	return ((const Item *) a)->rank - ((const Item *) b)->rank;
}

static const FairOrder order = {precedes, compare_rank};

/* Neighbours differ in the group alone, or in the member alone. */
static FairStreamKey
key_of(int stream)
{
	return (FairStreamKey) {.group = &groups[stream % 2],.member = stream / 2};
}

static void
set_up(void)
{
	memory_free_all();
	memset(items, 0, sizeof(items));
	memset(turns, 0, sizeof(turns));
	floor_turn = 0;
	fair_queue_init(&queue, &order);
}

static void
add(Item *item, int stream, int rank)
{
	item->stream = stream;
	item->rank = rank;
	item->age = ages++;
	item->in = true;
	fair_queue_add(&queue, key_of(stream), &item->fair);
}

/* Does the first item of a stream go before that of another? */
static bool
stream_goes_before(const Item *a, const Item *b)
{
	if (a->rank != b->rank)
		return a->rank > b->rank;
	if (turns[a->stream] != turns[b->stream])
		return turns[a->stream] < turns[b->stream];
	return precedes(&a->fair, &b->fair);
}

/* The item that should go first; NULL: there is none. */
static Item *
expected_first(void)
{
	Item	   *firsts[STREAMS] = {NULL};
	Item	   *result = NULL;

	for (int i = 0; i < ITEMS; i++)
	{
		Item	  **first = &firsts[items[i].stream];

		if (items[i].in && (*first == NULL || precedes(&items[i].fair, &(*first)->fair)))
			*first = &items[i];
	}
	for (int i = 0; i < STREAMS; i++)
		if (firsts[i] != NULL && (result == NULL || stream_goes_before(firsts[i], result)))
			result = firsts[i];
	return result;
}

/* Take the first; false: that, or its turn, is not what it should be. */
static bool
take(bool give_back)
{
	Item	   *expected = expected_first();
	uint64		expected_turn = Max(turns[expected->stream], floor_turn);
	uint64		turn;
	Item	   *taken = (Item *) fair_queue_take(&queue, &turn);

	if (taken != expected || turn != expected_turn)
		return false;
	turns[taken->stream] = turn + 1;
	taken->in = false;
	if (give_back)
	{
		turns[taken->stream] = turn;
		fair_queue_return_turn(&queue, key_of(taken->stream), turn);
		taken->in = true;
		fair_queue_add(&queue, key_of(taken->stream), &taken->fair);
	}
	return true;
}

static void
test_random(void)
{
	int			wrong_first = 0;
	int			wrong_taken = 0;

	set_up();
	for (int step = 0; step < STEPS && wrong_first + wrong_taken == 0; step++)
	{
		Item	   *item = &items[random_below(ITEMS)];
		Item	   *first;

		switch (random_below(6))
		{
			case 0:
				if (item->in)
				{
					fair_queue_remove(&queue, &item->fair);
					item->in = false;
				}
				break;
			case 1:
				floor_turn += random_below(3);
				fair_queue_set_floor(&queue, floor_turn);
				break;
			case 2:
			case 3:
				if (!fair_queue_is_empty(&queue))
					wrong_taken += !take(random_below(4) == 0);
				break;
			default:
				if (!item->in)
					add(item, random_below(STREAMS), random_below(3));
				break;
		}
		first = expected_first();
		wrong_first += fair_queue_is_empty(&queue) != (first == NULL) ||
			(first != NULL && fair_queue_first(&queue) != &first->fair);
	}
	is_number(wrong_first, 0, "the first is the first of a list that is searched");
	is_number(wrong_taken, 0, "what is taken has the turn that it should have");
}

/* Fill a queue: a stream with many items, and one with few that comes later. */
static void
add_many_and_few(int many, int few)
{
	for (int i = 0; i < many + few; i++)
		add(&items[i], i < many ? 0 : 1, 0);
}

static void
test_fairness(void)
{
	int			most_in_a_row = 0;
	int			in_a_row = 0;
	uint64		turn;

	set_up();
	add_many_and_few(100, 10);
	for (int left = 10; left > 0;)
	{
		const Item *taken = (const Item *) fair_queue_take(&queue, &turn);

		in_a_row = taken->stream == 0 ? in_a_row + 1 : 0;
		most_in_a_row = Max(most_in_a_row, in_a_row);
		left -= taken->stream == 1;
	}
	is_number(most_in_a_row, 1, "a stream with few items is delayed by one for each of its own");
}

/* A stream that was idle while another had a thousand turns. */
static void
test_nothing_saved_up(void)
{
	int			first_ones = 0;
	uint64		turn;

	set_up();
	for (int i = 0; i < 1000; i++)
	{
		add(&items[0], 0, 0);
		(void) fair_queue_take(&queue, &turn);
	}
	fair_queue_set_floor(&queue, turn);
	add_many_and_few(50, 50);
	for (int i = 0; i < 20; i++)
		first_ones += ((const Item *) fair_queue_take(&queue, &turn))->stream == 1;
	ok(first_ones >= 10 && first_ones <= 11, "who was idle has saved no turns up");
}

static void
test_rank(void)
{
	uint64		turn;

	set_up();
	add_many_and_few(3, 3);
	add(&items[10], 0, 1);
	add(&items[11], 0, 2);
	ok(fair_queue_take(&queue, &turn) == &items[11].fair &&
	   fair_queue_take(&queue, &turn) == &items[10].fair,
	   "a higher rank goes first, whoever has had more turns");
	ok(((const Item *) fair_queue_take(&queue, &turn))->stream == 1, "then turns decide again");
}

static void
test_removal(void)
{
	int			left = 0;
	uint64		turn;

	set_up();
	ok(fair_queue_is_empty(&queue), "a new queue is empty");
	add_many_and_few(5, 5);
	fair_queue_remove(&queue, &items[0].fair);	/* first of its stream, and of all */
	ok(fair_queue_first(&queue) == &items[5].fair || fair_queue_first(&queue) == &items[1].fair,
	   "the first can be taken out");
	fair_queue_remove(&queue, &items[3].fair);	/* in the middle */
	fair_queue_remove(&queue, &items[9].fair);	/* last of its stream */
	for (; !fair_queue_is_empty(&queue); left++)
		if (fair_queue_take(&queue, &turn) == &items[3].fair)
			left += 100;
	is_number(left, 7, "what was taken out does not come");
	add(&items[0], 0, 0);
	fair_queue_remove(&queue, &items[0].fair);
	ok(fair_queue_is_empty(&queue), "the only one can be taken out");
	add(&items[0], 0, 0);
	ok(fair_queue_first(&queue) == &items[0].fair, "and comes back");
}

/* Streams that differ in one bit of their keys each, two items in each. */
static void
test_many_streams(void)
{
	Item	   *many;
	int			twice = 0;
	int			out_of_order = 0;
	uint64		turn;

	set_up();
	many = palloc0(2 * MANY * sizeof(Item));
	for (int i = 0; i < 2 * MANY; i++)
	{
		many[i].stream = i % MANY;
		many[i].age = i;
		fair_queue_add(&queue, key_of(many[i].stream), &many[i].fair);
	}
	for (int i = 0; i < 2 * MANY; i++)
	{
		Item	   *taken = (Item *) fair_queue_take(&queue, &turn);

		out_of_order += taken != &many[i] || turn != i / MANY;
		twice += taken->in;
		taken->in = true;
	}
	is_number(twice, 0, "of many streams none has another's items");
	is_number(out_of_order, 0, "each has a turn before any has a second one");
	ok(fair_queue_is_empty(&queue), "all are taken");
}

int
main(void)
{
	test_random();
	test_fairness();
	test_nothing_saved_up();
	test_rank();
	test_removal();
	test_many_streams();
	memory_free_all();
	return done_testing();
}
