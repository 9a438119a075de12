# Two stages: what builds stays behind, what runs is copied.
FROM python:3.11-slim AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
RUN python -m venv /opt/doorward
WORKDIR /src
# First what changes seldom. Every package is checked against the hash in the lock file, which
# holds the developers' tools as well: one lock, one set of versions everywhere.
COPY requirements.lock ./
RUN /opt/doorward/bin/pip install --require-hashes -r requirements.lock
COPY pyproject.toml README.md LICENSE ./
COPY rules rules
COPY gateway gateway
COPY firmware_sim firmware_sim
# The build backend is in the lock file, too: nothing is fetched unchecked.
RUN /opt/doorward/bin/pip install --no-deps --no-build-isolation .

FROM python:3.11-slim
RUN useradd --system --uid 10001 --user-group --no-create-home --home-dir /district doorward \
    && install -d -o doorward -g doorward -m 0750 /district
COPY --from=build /opt/doorward /opt/doorward
ENV PATH=/opt/doorward/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
USER doorward
WORKDIR /district
EXPOSE 8080
ENTRYPOINT ["doorward"]
CMD ["run", "/district"]
