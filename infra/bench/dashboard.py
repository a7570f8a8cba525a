"""Time views of the dashboard: python infra/bench/dashboard.py [--users 50] [--processes 4] [--seconds 60].

Speaks Streamlit's own websocket protocol, as a browser does, to several server processes; each user stays at one of
them (a sticky proxy does that in production). Needs a filled MEDSUPPLY_HOME. What a browser spends on drawing is not
in it. Prints milliseconds from opening the connection, or from the change of a filter, to the end of the view.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import statistics
import subprocess
import sys
import time
import urllib.request
from collections import defaultdict
from pathlib import Path

import websockets
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

ROOT = Path(__file__).resolve().parent.parent.parent
FIRST_PORT = 8701
AREAS = ("99", "Y1", "Y2", "01", "05", "17", "21")
THINK_SECONDS = 10
TIMES: dict[str, list[float]] = defaultdict(list)


def start(processes: int) -> list[subprocess.Popen[bytes]]:
    command = [sys.executable, "-m", "streamlit", "run", str(ROOT / "app.py"), "--server.headless", "true"]
    ports = range(FIRST_PORT, FIRST_PORT + processes)
    return [subprocess.Popen([*command, "--server.port", str(p)], cwd=ROOT, env=os.environ) for p in ports]


def wait_until_ready(port: int, limit: float = 120.0) -> None:
    end = time.monotonic() + limit
    while time.monotonic() < end:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5) as answer:
                if answer.status == 200:
                    return
        except OSError:
            time.sleep(0.5)
    raise SystemExit(f"No dashboard answered on port {port} within {limit:.0f} s")


async def view(socket: websockets.ClientConnection, query: str) -> int:
    """Ask for the home page with a query string and read to the end of the script; the number of bytes read."""
    asked = BackMsg()
    asked.rerun_script.query_string = query
    await socket.send(asked.SerializeToString())
    read = 0
    while True:
        raw = await socket.recv()
        read += len(raw)
        message = ForwardMsg.FromString(raw)  # type: ignore[arg-type]
        if message.WhichOneof("type") == "script_finished":
            if message.script_finished == ForwardMsg.FINISHED_EARLY_FOR_RERUN:
                continue
            if message.script_finished != ForwardMsg.FINISHED_SUCCESSFULLY:
                raise SystemExit(f"A view ended with {message.script_finished}")
            return read
        if message.WhichOneof("type") == "delta" and message.delta.new_element.HasField("exception"):
            raise SystemExit(f"A view failed: {message.delta.new_element.exception.message}")


async def user(number: int, processes: int, end: float) -> None:
    """One official: opens the national picture, then changes the area now and then."""
    rng = random.Random(number)
    await asyncio.sleep(rng.uniform(0, THINK_SECONDS))
    address = f"ws://127.0.0.1:{FIRST_PORT + number % processes}/_stcore/stream"
    while time.monotonic() < end:
        begun = time.monotonic()
        async with websockets.connect(address, subprotocols=["streamlit"], max_size=None) as socket:  # type: ignore[list-item]
            await view(socket, f"lang={rng.choice(['fi', 'sv', 'en'])}")
            TIMES["first view"].append(time.monotonic() - begun)
            for _ in range(3):
                await asyncio.sleep(rng.uniform(0.5, 1.5) * THINK_SECONDS)
                begun = time.monotonic()
                await view(socket, f"area={rng.choice(AREAS)}")
                TIMES["change of filter"].append(time.monotonic() - begun)


async def run(users: int, processes: int, seconds: float) -> None:
    for port in range(FIRST_PORT, FIRST_PORT + processes):
        async with websockets.connect(f"ws://127.0.0.1:{port}/_stcore/stream", max_size=None) as socket:
            await view(socket, "")
    end = time.monotonic() + seconds
    await asyncio.gather(*(user(number, processes, end) for number in range(users)))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--users", type=int, default=50)
    parser.add_argument("--processes", type=int, default=4)
    parser.add_argument("--seconds", type=float, default=60)
    args = parser.parse_args()
    servers = start(args.processes)
    try:
        for port in range(FIRST_PORT, FIRST_PORT + args.processes):
            wait_until_ready(port)
        asyncio.run(run(args.users, args.processes, args.seconds))
    finally:
        for server in servers:
            server.terminate()
            server.wait()
    print(f"{args.users} users, {args.processes} processes, load {os.getloadavg()[0]:.1f}")
    for what, times in sorted(TIMES.items()):
        found = statistics.quantiles(times, n=20)
        print(f"{what}: n {len(times)}, median {1000 * statistics.median(times):.0f} ms, p95 {1000 * found[-1]:.0f} ms")


if __name__ == "__main__":
    main()
