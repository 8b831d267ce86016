"""A program that is a candidate in many elections: it asks every 10 ms whether it leads, and says when that changes.

Each line is a JSON object: the election's key, whether it leads, and the monotonic time, which all processes share.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import time

from tenure.candidate import Candidate, ElectionConfig
from tenure.nats.settings import NatsSettings

LOOKS_EVERY_S = 0.01


async def _work(arguments: argparse.Namespace) -> None:
    config = ElectionConfig(lease_timeout_s=arguments.lease)
    nats = NatsSettings(urls=(arguments.url,))
    candidates: dict[str, Candidate] = {}
    pairs = [pair.split("=") for pair in arguments.candidates.split(",")]
    for key, identity in pairs:
        candidates[key] = Candidate(identity, key=key, bucket=arguments.bucket, nats=nats, config=config)
        await candidates[key].start()
        # So that they renew at different moments, and a fault meets each in another part of its interval.
        await asyncio.sleep(config.timing.renew_interval_s / len(pairs))
    led = dict.fromkeys(candidates, False)
    while True:
        for key, candidate in candidates.items():
            if (leads := candidate.is_leader) is not led[key]:
                led[key] = leads
                print(json.dumps({"key": key, "leads": leads, "at_s": time.monotonic()}), flush=True)
        await asyncio.sleep(LOOKS_EVERY_S)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--lease", type=int, required=True)
    for name in ("--url", "--bucket", "--candidates"):
        parser.add_argument(name, required=True)
    asyncio.run(_work(parser.parse_args()))


main()
