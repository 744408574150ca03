"""The peer: DBOS plays the same stories, a workflow per story and a step per step, with the same calls over HTTP.

Runs in an environment of its own, so it imports nothing of ours. Arguments: script file, database URL, stories,
how many at once, its number among the processes. Prints "ready", waits for a line, prints its result as JSON.
"""

import asyncio
import base64
import hashlib
import hmac
import json
import sys
import time
import uuid
from pathlib import Path
from typing import Any

import aiohttp
import uvloop
from dbos import DBOS, DBOSConfig  # type: ignore[import-not-found]  # in its own environment only

script: dict[str, Any] = {}
http: aiohttp.ClientSession


@DBOS.step()
async def step(number: int, story: str) -> dict[str, Any]:
    """One durable step; its calls one after another, as a command's are."""
    answers = [await _call(call, story) for call in script["steps"][number]]
    return {"step": number, "answers": answers}


@DBOS.workflow()
async def story(name: str) -> int:
    """One story: its steps in order."""
    for number in range(len(script["steps"])):
        await step(number, name)
    return len(script["steps"])


async def _call(call: dict[str, Any], name: str) -> int:
    url, body = _own(call["url"], name), _own(call["body"] or "", name)
    headers = dict(call["headers"])
    if "webhook-id" in headers:
        event = {**json.loads(body), "id": str(uuid.uuid4())}
        body = json.dumps(event, separators=(",", ":"))
        headers |= _signed(event["id"], body, url)
    async with http.request(call["method"], url, headers=headers, data=body or None, params=call["params"]) as answer:
        await answer.read()
        if answer.status >= 400:
            raise RuntimeError(f"{call['method']} {url}: {answer.status} {await answer.text()}")
        return answer.status


def _own(text: str, name: str) -> str:
    """The text with the recorded story's keys made this story's own, so that records are made and not found."""
    for key in script["keys"]:
        text = text.replace(key, f"{key}{name}")
    return text


def _signed(event_id: str, body: str, url: str) -> dict[str, str]:
    secret = base64.b64decode(script["secrets"][url.rsplit("/", 1)[-1]].removeprefix("whsec_"))
    at = str(int(time.time()))
    mark = hmac.new(secret, f"{event_id}.{at}.{body}".encode(), hashlib.sha256).digest()
    return {
        "webhook-id": event_id,
        "webhook-timestamp": at,
        "webhook-signature": f"v1,{base64.b64encode(mark).decode()}",
    }


async def main(url: str, count: int, at_once: int, own: str) -> None:
    """Play `count` stories, `at_once` in flight."""
    global http
    config: DBOSConfig = {
        "name": "bench",
        "system_database_url": url,
        "executor_id": f"bench-{own}",
        "application_version": "bench",
        "log_level": "ERROR",
        "sys_db_pool_size": 20,
    }
    DBOS(config=config)
    DBOS.launch()
    gate = asyncio.Semaphore(at_once)

    async def one(number: int) -> None:
        async with gate:
            await (await DBOS.start_workflow_async(story, f"-{own}-{number}")).get_result()

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as http:
        await one(-1)
        print("ready", flush=True)
        sys.stdin.readline()
        began = time.perf_counter()
        await asyncio.gather(*(one(number) for number in range(count)))
        seconds = time.perf_counter() - began
    print(
        json.dumps({"seconds": seconds, "steps": count * len(script["steps"]), "cpu_s": time.process_time()}),
        flush=True,
    )
    DBOS.destroy()


if __name__ == "__main__":
    script = json.loads(Path(sys.argv[1]).read_text())
    uvloop.run(main(sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), sys.argv[5]))
