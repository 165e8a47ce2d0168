# PostgreSQL with pg_scheduler, on the official image.
#
#	docker build --build-arg PG=17 -t pg_scheduler .
#	docker run -e POSTGRES_PASSWORD=secret pg_scheduler
#
# PG is a tag of the image, Debian's: 17, 17.6, 17-bookworm.
ARG PG=17

FROM postgres:${PG} AS build
RUN apt-get update && apt-get install -y --no-install-recommends \
	build-essential libcurl4-openssl-dev libssl-dev postgresql-server-dev-${PG_MAJOR}
COPY . /src
RUN make -C /src && make -C /src install DESTDIR=/out

FROM postgres:${PG}
RUN apt-get update && apt-get install -y --no-install-recommends \
	ca-certificates libcurl4 \
	&& rm -rf /var/lib/apt/lists/*
COPY --from=build /out /
RUN printf '%s\n' "shared_preload_libraries = 'pg_scheduler'" "max_worker_processes = 16" \
	>>/usr/share/postgresql/postgresql.conf.sample
