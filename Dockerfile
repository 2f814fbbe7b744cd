# Fenfa in a container: docker build -t fenfa:0.1.0 .
# Several architectures: docker buildx build --platform linux/amd64,linux/arm64 -t fenfa:0.1.0 .
# Everything that it needs comes as wheels for both, so nothing is compiled and no compiler is installed.

FROM python:3.13.9-slim-bookworm AS build
WORKDIR /src
RUN python -m venv /srv/fenfa
COPY requirements/serve.lock requirements/serve.lock
RUN /srv/fenfa/bin/python -m pip --disable-pip-version-check -qq install --no-cache-dir --only-binary :all: --require-hashes -r requirements/serve.lock
COPY pyproject.toml README.md LICENSE ./
COPY src src
RUN /srv/fenfa/bin/python -m pip --disable-pip-version-check -qq install --no-cache-dir --no-deps --no-build-isolation . \
    && /srv/fenfa/bin/python -m pip -qq uninstall --yes hatchling editables pip

FROM python:3.13.9-slim-bookworm
RUN useradd --system --uid 10001 --user-group --home-dir /data --shell /usr/sbin/nologin fenfa \
    && install -d -o fenfa -g fenfa -m 0750 /data
COPY --from=build /srv/fenfa /srv/fenfa
ENV PATH=/srv/fenfa/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    FENFA_DATA_DIR=/data \
    FENFA_HOST=0.0.0.0 \
    FENFA_PORT=8000
WORKDIR /data
VOLUME /data
USER fenfa
EXPOSE 8000
# SIGTERM closes the port and gives running downloads a minute: let Docker wait longer (docker stop -t 90).
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s --start-interval=1s \
    CMD ["python", "-c", "import os, urllib.request as r; r.urlopen('http://127.0.0.1:' + os.environ['FENFA_PORT'] + '/healthz', timeout=4)"]
ENTRYPOINT ["fenfa"]
CMD ["serve"]
