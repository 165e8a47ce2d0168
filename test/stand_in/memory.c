/*-------------------------------------------------------------------------
 *
 * memory.c
 *	  Memory contexts, for programs without a server.
 *
 * Memory is the C library's, remembered so that memory_free_all() can free it
 * (an error's strings are palloc'd or constant, so a caller cannot).
 *
 * Copyright (c) 2026, pg_scheduler developers
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "memory.h"

/* Each chunk is in one list of all chunks, and knows its context. */
typedef struct Chunk
{
	struct Chunk *next;
	struct Chunk *previous;
	MemoryContext context;
	size_t		size;
} Chunk;

size_t		memory_limit = SIZE_MAX;

static Chunk chunks = {&chunks, &chunks, NULL, 0};
static size_t allocated = 0;
static MemoryContextData top_context;

MemoryContext TopMemoryContext = &top_context;
MemoryContext CurrentMemoryContext = &top_context;

void *
MemoryContextAlloc(MemoryContext context, Size size)
{
	Chunk	   *chunk;

	if (allocated + size > memory_limit)
		abort();
	chunk = malloc(sizeof(Chunk) + size);
	if (chunk == NULL)
		abort();
	/* what nobody has set is seen */
	memset(chunk + 1, 0x7F, size);
	chunk->context = context;
	chunk->size = size;
	chunk->next = &chunks;
	chunk->previous = chunks.previous;
	chunk->next->previous = chunk->previous->next = chunk;
	allocated += size;
	return chunk + 1;
}

void *
palloc(Size size)
{
	return MemoryContextAlloc(CurrentMemoryContext, size);
}

void *
palloc0(Size size)
{
	return memset(palloc(size), 0, size);
}

void
pfree(void *pointer)
{
	Chunk	   *chunk = (Chunk *) pointer - 1;

	chunk->next->previous = chunk->previous;
	chunk->previous->next = chunk->next;
	allocated -= chunk->size;
	free(chunk);
}

void *
repalloc_huge(void *pointer, Size size)
{
	Chunk	   *chunk = (Chunk *) pointer - 1;
	void	   *result = MemoryContextAlloc(chunk->context, size);

	memcpy(result, pointer, Min(size, chunk->size));
	pfree(pointer);
	return result;
}

void *
repalloc(void *pointer, Size size)
{
	return repalloc_huge(pointer, size);
}

MemoryContext
AllocSetContextCreateInternal(MemoryContext parent, const char *name, Size minContextSize,
							  Size initBlockSize, Size maxBlockSize)
{
	return MemoryContextAlloc(parent, sizeof(MemoryContextData));
}

void
MemoryContextDelete(MemoryContext context)
{
	for (Chunk *chunk = chunks.next, *next; chunk != &chunks; chunk = next)
	{
		next = chunk->next;
		if (chunk->context == context)
			pfree(chunk + 1);
	}
	pfree(context);
}

char *
pnstrdup(const char *in, Size len)
{
	char	   *result;

	len = strnlen(in, len);
	result = palloc(len + 1);
	memcpy(result, in, len);
	result[len] = '\0';
	return result;
}

char *
pstrdup(const char *in)
{
	return pnstrdup(in, strlen(in));
}

size_t
memory_used(void)
{
	return allocated;
}

void
memory_free_all(void)
{
	while (chunks.next != &chunks)
		pfree(chunks.next + 1);
}
