"""redis-server under redis-benchmark: strings, lists, hashes, sets and sorted sets, pipelined.

Only the server runs under the allocator under test; its processor time and peak are measured, and
the wall time is that of the benchmark client. Before the load a thousand keys with known values are
written, after it they are read back: their hash is the checksum. FLUSHALL frees everything; a
second later one PING, and the server's resident size is read.

Debian links redis-server with jemalloc. A preloaded allocator comes before it, and so that the C
library's own is measured where none is preloaded, the C library itself is (Plan.replaces_malloc).
"""

import hashlib
import socket
import subprocess
import time
from pathlib import Path

from real.plan import Outcome, Plan

PACKAGES = ["redis-server", "redis-tools"]
ABOUT = "redis-server under redis-benchmark, pipelined, over a Unix socket"

COMMANDS = "set,get,incr,lpush,rpush,lpop,rpop,sadd,hset,spop,zadd,zpopmin,lrange_100,mset"
KNOWN_KEYS = 1000


class Client:
    """A Redis connection that sends commands and reads the five kinds of reply."""

    def __init__(self, path, timeout):
        self.connection = socket.socket(socket.AF_UNIX)
        self.connection.settimeout(timeout)
        self.connection.connect(str(path))
        self.reader = self.connection.makefile("rb")

    def call(self, *words):
        parts = [word if isinstance(word, bytes) else str(word).encode() for word in words]
        message = b"*%d\r\n" % len(parts)
        message += b"".join(b"$%d\r\n%s\r\n" % (len(part), part) for part in parts)
        self.connection.sendall(message)
        return self.reply()

    def reply(self):
        line = self.reader.readline()
        kind, rest = line[:1], line[1:].strip()
        if kind == b"-":
            raise RuntimeError(f"redis answered: {rest.decode()}")
        if kind == b"$":
            if int(rest) < 0:
                return None
            return self.reader.read(int(rest) + 2)[:-2]
        if kind == b"*":
            return [self.reply() for _ in range(int(rest))]
        if kind in (b"+", b":"):
            return rest
        raise RuntimeError("redis closed the connection")

    def close(self):
        self.reader.close()
        self.connection.close()


def connect(path, timeout):
    deadline = time.monotonic() + min(timeout, 10)
    while True:
        try:
            client = Client(path, timeout)
            client.call("PING")
            return client
        except (OSError, RuntimeError):
            if time.monotonic() > deadline:
                raise RuntimeError("redis-server does not answer") from None
            time.sleep(0.01)


def known_value(number):
    return hashlib.sha256(str(number).encode()).hexdigest().encode() * (1 + number % 40)


def resident_kib(pid):
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1])
    return None


def prepare(directory, scale):
    path = directory / "redis.socket"
    requests = max(100, int(100_000 * scale))

    def drive(timeout, settle):
        client = connect(path, timeout)
        pid = next(int(line.split(b":")[1]) for line in client.call("INFO", "server").splitlines()
                   if line.startswith(b"process_id:"))
        for number in range(KNOWN_KEYS):
            client.call("SET", f"known:{number}", known_value(number))
        started = time.monotonic()
        load = subprocess.run(
            ["redis-benchmark", "-s", str(path), "-q", "-P", "16", "-r", "100000", "-d", "100",
             "-n", str(requests), "-t", COMMANDS],
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, timeout=timeout)
        wall = time.monotonic() - started
        if load.returncode != 0:
            raise RuntimeError(f"redis-benchmark ended with {load.returncode}: {load.stderr[-200:]}")
        digest = hashlib.sha256()
        for number in range(KNOWN_KEYS):
            digest.update(client.call("GET", f"known:{number}") or b"")
        client.call("FLUSHALL", "SYNC")
        after = None
        if settle:
            time.sleep(1)
            client.call("PING")
            after = resident_kib(pid)
        try:
            client.call("SHUTDOWN", "NOSAVE")
        except (OSError, RuntimeError):
            pass  # it closes the connection instead of answering
        client.close()
        return Outcome(wall, after, digest.hexdigest()[:16])

    server = ["redis-server", "--port", "0", "--unixsocket", str(path), "--save", "",
              "--appendonly", "no", "--daemonize", "no", "--dir", str(directory),
              "--activedefrag", "no"]
    return Plan(server, drive=drive, replaces_malloc=True)
