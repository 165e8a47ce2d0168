# pg_scheduler: build with PGXS
#
#   make                  build against the pg_config found on PATH
#   make install          install into that server
#   make installcheck     pg_regress, on a running server that preloads the library
#                         and has the settings in test/pg_scheduler.conf
#
# test/run does all of this, and every other test, in one go.

# Where the source is: not here, in a build that names this file with -f
source := $(filter-out ./,$(dir $(firstword $(MAKEFILE_LIST))))
files = $(patsubst $(source)%,%,$(sort $(wildcard $(source)$(1))))

# Bitcode for the JIT compiler is of no use: all that it would inline is called
# once in a statement.
override with_llvm = no

MODULE_big = pg_scheduler
OBJS = $(patsubst %.c,%.o,$(call files,src/*/*.c))

EXTENSION = pg_scheduler
DATA = $(call files,pg_scheduler--*.sql)

PG_CPPFLAGS = $(sort -Isrc -I$(source)src)
PG_CFLAGS = -Wall -Wextra -Werror -Wno-unused-parameter -Wno-sign-compare \
	-Wno-missing-field-initializers -Wno-declaration-after-statement
SHLIB_LINK = -lcurl -lcrypto
EXTRA_CLEAN = src/rules/condition_names.inc

REGRESS = $(patsubst sql/%.sql,%,$(call files,sql/*.sql))

PG_CONFIG ?= pg_config
PGXS := $(shell $(PG_CONFIG) --pgxs)
include $(PGXS)

$(OBJS): $(call files,src/*/*.h) | object_directories

.PHONY: object_directories
object_directories:
	@mkdir -p $(sort $(dir $(OBJS)))

# Condition names that retry_on accepts: the server's own list.
src/rules/retry.o: src/rules/condition_names.inc
src/rules/condition_names.inc: $(datadir)/errcodes.txt | object_directories
	awk '/^[0-9A-Z]/ && NF == 4 && $$2 == "E" { printf "{\"%s\", \"%s\"},\n", $$1, $$4 }' $< > $@
