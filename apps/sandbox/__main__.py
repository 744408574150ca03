"""Serve the sandbox: `python -m apps.sandbox --port 8100 --config sandbox.json`."""

import argparse
import os
import socket
import sys

import uvicorn

from apps.sandbox.errors import SandboxError
from apps.sandbox.ledger import refuse_held
from apps.sandbox.settings import ENVIRONMENT_NAME, load


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m apps.sandbox", description=__doc__)
    parser.add_argument("--port", type=int, default=8100, help="0 takes a free one")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--config", help=f"settings file; default: the one named by {ENVIRONMENT_NAME}")
    options = parser.parse_args()
    if options.config:
        os.environ[ENVIRONMENT_NAME] = options.config
    try:
        refuse_held(load().ledger)
        listener = _listen(options.host, options.port)
    except (SandboxError, OSError) as error:
        print(str(error), file=sys.stderr)
        return 2
    print(f"sandbox: listening on http://{options.host}:{listener.getsockname()[1]}", flush=True)
    config = uvicorn.Config(
        "apps.sandbox.asgi:application",
        loop="uvloop",
        http="httptools",
        ws="none",
        lifespan="on",
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        backlog=2048,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=2,
    )
    server = uvicorn.Server(config)
    server.run(sockets=[listener])
    return 0 if server.started else 2


def _listen(host: str, port: int) -> socket.socket:
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise OSError(f"sandbox: cannot listen on {host}:{port}: {error.strerror}; choose another --port") from error
    return listener


if __name__ == "__main__":
    sys.exit(main())
