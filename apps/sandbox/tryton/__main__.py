"""By hand: `python -m apps.sandbox.tryton install|build|serve [--home FOLDER] [--port PORT]`."""

import argparse
import os
import sys
from pathlib import Path

from apps.sandbox.tryton.environment import install
from apps.sandbox.tryton.errors import TrytonSetupError
from apps.sandbox.tryton.server import serve
from apps.sandbox.tryton.template import build_template


def main(arguments: list[str] | None = None) -> int:
    """Run one command; a failure is one line on stderr and exit code 1."""
    parser = argparse.ArgumentParser(prog="python -m apps.sandbox.tryton", description=__doc__)
    parser.add_argument("command", choices=("install", "build", "serve"))
    parser.add_argument("--home", type=Path, default=Path(os.environ.get("TIEOUT_HOME", ".tieout")))
    parser.add_argument("--port", type=int, default=int(os.environ.get("TRYTON_PORT", "8200")))
    options = parser.parse_args(arguments)
    try:
        if options.command == "install":
            install(options.home)
        elif options.command == "build":
            build_template(options.home)
        else:
            serve(options.home, port=options.port)
    except TrytonSetupError as error:
        print(f"tryton: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
