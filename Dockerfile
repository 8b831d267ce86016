# The operator's image:
#
#   docker build --tag tenure:0.1.0 --build-arg REVISION="$(git rev-parse HEAD)" .
#
# Any Debian image of Python 3.11 or later does as a base, best named by its digest.
ARG PYTHON_IMAGE=python:3.13-slim

# ---------------------------------------------------------------------------------------------------------------- build

FROM ${PYTHON_IMAGE} AS build
ENV PIP_NO_CACHE_DIR=1 PIP_NO_COMPILE=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /src

# Two environments without pip: /opt/build makes the wheel and stays here, /opt/tenure is what the image gets.
RUN python -m venv --without-pip /opt/build && python -m venv --without-pip /opt/tenure

# What changes seldom comes first, so that a change of the code alone installs nothing again.
COPY requirements/build.txt requirements/run.txt requirements/
RUN pip --python /opt/build/bin/python install \
    --require-hashes --no-deps --only-binary :all: --requirement requirements/build.txt
RUN pip --python /opt/tenure/bin/python install \
    --require-hashes --no-deps --only-binary :all: --requirement requirements/run.txt

COPY pyproject.toml README.md LICENSE ./
COPY operator/tenure operator/tenure
RUN pip --python /opt/build/bin/python wheel --no-deps --no-index --no-build-isolation --wheel-dir dist .
RUN pip --python /opt/tenure/bin/python install --no-deps --no-index dist/*.whl
RUN pip --python /opt/tenure/bin/python check

# It starts; and what it imports, Python compiles now, for good. All of the Kubernetes client compiled would weigh as much
# as everything else.
RUN /opt/tenure/bin/python -I -m tenure run --help

# ---------------------------------------------------------------------------------------------------------------- image

FROM ${PYTHON_IMAGE}
ARG PYTHON_IMAGE
ARG REVISION=unknown

# Nothing can be installed in a container that runs: pip goes, and the copy of it that Python carries along.
RUN python -m pip --no-cache-dir uninstall --yes --quiet --root-user-action ignore pip \
    && rm -r "$(python -c 'import ensurepip; print(*ensurepip.__path__)')"

COPY --from=build /opt/tenure /opt/tenure
ENV PATH=/opt/tenure/bin:$PATH

# A number, because Kubernetes cannot tell of a name that it is not root's. It owns nothing in here and writes nothing,
# so that the root may be read-only, and any other number will do as well.
USER 65532:65532
WORKDIR /
EXPOSE 8080

# -I: neither the folder that it is started in nor a PYTHON… variable says what is imported.
ENTRYPOINT ["/opt/tenure/bin/python", "-I", "-m", "tenure"]
CMD ["run"]

LABEL org.opencontainers.image.title="tenure" \
      org.opencontainers.image.description="Leader election for Kubernetes workloads with leases in NATS" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="0.1.0" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.base.name="${PYTHON_IMAGE}"
