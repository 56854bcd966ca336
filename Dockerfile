# The service for the CPU and for NVIDIA GPUs: PyPI's PyTorch runs on both.
#
#   docker build -t brightfield .
#   docker run --rm -p 127.0.0.1:8000:8000 -v brightfield-data:/data brightfield
#   docker run --rm -p 127.0.0.1:8000:8000 --gpus all brightfield
#
# A slim image without CUDA: docker build --build-arg TORCH=cpu -t brightfield:cpu .
#
# On other machines of the network it is called by another name than localhost; a name that is not
# in BRIGHTFIELD_ALLOWED_HOSTS is refused:
#
#   docker run -p 8000:8000 -e BRIGHTFIELD_ALLOWED_HOSTS=microscope.lab,localhost brightfield
FROM python:3.12-slim

WORKDIR /src

# With --build-arg TORCH=cpu the image has PyTorch without CUDA, which is 4 GB smaller.
ARG TORCH=
RUN test "$TORCH" != cpu || pip install --no-cache-dir --root-user-action=ignore \
    --index-url https://download.pytorch.org/whl/cpu torch torchvision

# The dependencies alone, so that a change of the source does not fetch PyTorch again. With
# --build-arg EXTRAS="service postgres ray" Ray is among them, and HAProxy, a program under GPL-2.0.
ARG EXTRAS="service postgres"
COPY pyproject.toml ./
RUN python -c "import sys, tomllib; p = tomllib.load(open('pyproject.toml', 'rb'))['project']; \
e = p['optional-dependencies']; own = 'brightfield['; \
print(*p['dependencies'], *(d for x in sys.argv[1:] for d in e[x] if not d.startswith(own)), sep='\n')" \
    $EXTRAS > /tmp/requirements.txt \
    && pip install --no-cache-dir --root-user-action=ignore -r /tmp/requirements.txt \
    && rm /tmp/requirements.txt

COPY README.md LICENSE ./
COPY clients clients
COPY service service
COPY CHANGELOG.md ./
COPY docs docs
COPY training/README.md training/
# With the pages of /docs/guide; what builds them doesn't stay in the image.
RUN pip install --no-cache-dir --root-user-action=ignore --target /tmp/docs mkdocs mkdocs-material \
    && PYTHONPATH=service:clients:/tmp/docs python docs/guide && rm -rf /tmp/docs \
    && pip install --no-cache-dir --root-user-action=ignore --no-deps .

RUN useradd --uid 1000 --create-home brightfield \
    && install -d -o brightfield -g brightfield /data /models

ENV BRIGHTFIELD_HOST=0.0.0.0 \
    BRIGHTFIELD_PORT=8000 \
    BRIGHTFIELD_DATA=/data \
    BRIGHTFIELD_MODELS=/models \
    PYTHONUNBUFFERED=1 \
    NVIDIA_VISIBLE_DEVICES=all \
    NVIDIA_DRIVER_CAPABILITIES=compute,utility

USER brightfield
WORKDIR /data
VOLUME ["/data", "/models"]
EXPOSE 8000

# The start includes loading and warming up the models. The probe calls the service by the first
# name that it answers to, and past any proxy.
HEALTHCHECK --interval=15s --timeout=10s --start-period=120s \
    CMD ["python", "-c", "import os, sys, http.client as h; e = os.environ; c = h.HTTPConnection('127.0.0.1', int(e['BRIGHTFIELD_PORT']), timeout=8); c.request('GET', '/readyz', headers={'Host': e.get('BRIGHTFIELD_ALLOWED_HOSTS', '').split(',')[0].replace('*', '') or 'localhost'}); sys.exit(c.getresponse().status != 200)"]

CMD ["brightfield", "serve"]
