# pg_scheduler: build with PGXS
#
#   make                  build against the pg_config found on PATH
#   make install          install into that server
#   make installcheck     pg_regress, on a running server that preloads the library
#                         and has the settings in test/pg_scheduler.conf
#
# test/run does all of this, and every other test, in one go.

MODULE_big = pg_scheduler
OBJS = $(patsubst %.c,%.o,$(sort $(wildcard src/*.c)))

EXTENSION = pg_scheduler
DATA = $(sort $(wildcard pg_scheduler--*.sql))

PG_CPPFLAGS = -I$(CURDIR)/src
PG_CFLAGS = -Wall -Wextra -Werror -Wno-unused-parameter -Wno-sign-compare \
	-Wno-missing-field-initializers -Wno-declaration-after-statement
SHLIB_LINK = -lcurl

REGRESS = $(patsubst sql/%.sql,%,$(sort $(wildcard sql/*.sql)))

PG_CONFIG ?= pg_config
PGXS := $(shell $(PG_CONFIG) --pgxs)
include $(PGXS)

$(OBJS): $(wildcard src/*.h)

# Condition names that retry_on accepts: the server's own list.
EXTRA_CLEAN = src/condition_names.inc
src/retry.o src/retry.bc: src/condition_names.inc
src/condition_names.inc: $(datadir)/errcodes.txt
	awk '/^[0-9A-Z]/ && NF == 4 && $$2 == "E" { printf "{\"%s\", \"%s\"},\n", $$1, $$4 }' $< > $@
