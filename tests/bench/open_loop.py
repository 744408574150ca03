"""The sender of (b), a process of its own: signed HubSpot webhooks at a fixed rate, prints the waiting times as JSON.

Open loop: a request is due at its time whether or not the others were answered, and its wait counts from then.
"""

import asyncio
import base64
import hashlib
import hmac
import json
import os
import statistics
import sys
import time
import uuid

import aiohttp
import uvloop


async def main(url: str, signed_url: str, per_s: int, for_s: int) -> None:
    """Send, wait for all answers, print {"p50_ms", "p99_ms", …}."""
    secret = os.environ["BENCH_SECRET"].encode()
    waits: list[float] = []
    refused: list[int] = []
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as http:

        async def one(due: float) -> None:
            body = _body()
            at = str(int(time.time() * 1000))
            mark = hmac.new(secret, b"POST" + signed_url.encode() + body + at.encode(), hashlib.sha256).digest()
            headers = {
                "X-HubSpot-Signature-v3": base64.b64encode(mark).decode(),
                "X-HubSpot-Request-Timestamp": at,
                "Content-Type": "application/json",
            }
            async with http.post(url, data=body, headers=headers) as answer:
                await answer.read()
                waits.append(time.perf_counter() - due)
                if answer.status != 202:
                    refused.append(answer.status)

        await one(time.perf_counter())
        waits.clear()
        began, asked = time.perf_counter(), []
        for number in range(per_s * for_s):
            due = began + number / per_s
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            asked.append(asyncio.create_task(one(due)))
        await asyncio.gather(*asked)
    cuts = statistics.quantiles(waits, n=100)
    print(
        json.dumps(
            {
                "sent": len(waits),
                "refused": len(refused),
                "statuses": sorted(set(refused)),
                "p50_ms": round(1000 * cuts[49], 1),
                "p95_ms": round(1000 * cuts[94], 1),
                "p99_ms": round(1000 * cuts[98], 1),
                "worst_ms": round(1000 * max(waits), 1),
            }
        )
    )


def _body() -> bytes:
    number = uuid.uuid4().int
    event = {
        "eventId": number >> 76,
        "subscriptionId": 1,
        "portalId": 62515,
        "occurredAt": int(time.time() * 1000),
        # Of no interest to anybody: what is measured is the door, not the work behind it.
        "subscriptionType": "contact.propertyChange",
        "objectId": number >> 96,
        "propertyName": "firstname",
        "propertyValue": "Ada",
        "changeSource": "CRM",
    }
    return json.dumps([event]).encode()


if __name__ == "__main__":
    uvloop.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])))
