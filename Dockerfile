# The image of servers and workers. How to build and run it: docs/how-to/deploy.md

FROM python:3.11-slim-bookworm AS build
WORKDIR /build
RUN python -m venv --without-pip /opt/spark-assets
ENV PIP_PYTHON=/opt/spark-assets/bin/python PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
COPY requirements-image.lock ./
RUN pip install --no-deps --only-binary=:all: --require-hashes --requirement=requirements-image.lock
COPY pyproject.toml README.md LICENSE ./
COPY src ./src
RUN pip install --no-deps .

FROM python:3.11-slim-bookworm
RUN groupadd --gid=10001 spark && \
    useradd --uid=10001 --gid=spark --no-create-home --home-dir=/var/lib/spark-assets --shell=/usr/sbin/nologin spark && \
    install --directory --owner=spark --group=spark --mode=0700 /var/lib/spark-assets
COPY --from=build /opt/spark-assets /opt/spark-assets
ENV PATH=/opt/spark-assets/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    TMPDIR=/var/lib/spark-assets \
    SPARK_ASSETS_HOME=/var/lib/spark-assets \
    SPARK_ASSETS_HOST=0.0.0.0 \
    SPARK_ASSETS_LOG_FORMAT=json
# All that is written: an embedded server's library, or a fleet's spool, and what SQLite puts aside. Everything else may be read-only.
VOLUME /var/lib/spark-assets
USER 10001:10001
EXPOSE 8080
# Of a server; a worker says by its exit that something is wrong.
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8080/readyz', timeout=4)"]
ENTRYPOINT ["spark-assets"]
CMD ["serve"]
