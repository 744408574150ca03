"""`make bench`: measures the engine and its peers in one run, prints a table, writes bench.json to the run-time folder."""

import argparse
import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import django


def main() -> int:
    """Run the parts asked for (all without arguments); each part's failure is told and the others go on."""
    parser = argparse.ArgumentParser(
        prog="make bench", description="ARGS='a b c d' chooses parts; --stories N their size"
    )
    parser.add_argument("parts", nargs="*", default=["a", "b", "c", "d"], choices=["a", "b", "c", "d"])
    parser.add_argument("--stories", type=int, default=400)
    options = parser.parse_args()
    home = Path(os.environ.get("TIEOUT_HOME") or Path(__file__).parents[2] / ".tieout") / "bench"
    os.environ.update(TIEOUT_HOME=str(home), LOG_LEVEL="ERROR")
    for name in ("DATABASE_URL", "REDIS_URL"):
        os.environ.pop(name, None)  # the benchmark never touches another database than its own
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.dev")
    django.setup()
    return _run(options.parts, stories=options.stories)


def _run(parts: list[str], *, stories: int) -> int:
    from tests.bench import parts as all_parts
    from tests.bench import place, table

    results: dict[str, Any] = {}
    began, failed = time.monotonic(), False
    with place.opened() as here:
        place.make_template(here)
        for name in parts:
            measure: Callable[..., dict[str, Any]] = all_parts.PARTS[name]
            print(f"({name}) {measure.__doc__}", flush=True)
            try:
                results[name] = measure(here, stories)
            except Exception as error:
                failed, results[name] = True, {"failed": f"{type(error).__name__}: {error}"}
            results["seconds"] = round(time.monotonic() - began)
            file = here.home / "bench.json"
            file.write_text(json.dumps(results, indent=1))  # after each part, so that a stopped run leaves something
    print("\n".join(table.lines(results)))
    print(f"written to {file}")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
