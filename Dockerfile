# Development image with all tools. docker-compose.yaml mounts the source over /app and reloads on change.
ARG PYTHON_IMAGE=python:3.11-slim
FROM ${PYTHON_IMAGE}

ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PATH=/venv/bin:$PATH
WORKDIR /app

COPY locks/dev.lock /
RUN --mount=type=cache,target=/root/.cache/pip \
    python -m venv /venv && pip install --require-hashes -r /dev.lock
COPY . .

# Loopback would be unreachable from outside the container; docker-compose.yaml publishes on the host's loopback.
ENV API_HOST=0.0.0.0 LOG_TO_FILE=false
USER 10001:10001
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s CMD ["python", "deploy/healthcheck.py"]
CMD ["python", "main.py"]
