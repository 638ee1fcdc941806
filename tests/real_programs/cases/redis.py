"""redis-server with redis-benchmark, and with data of our own, checked to the last value.

The server listens on a unix socket only. Filled with 20,000 keys of every type it must give the
same DEBUG DIGEST (a checksum over all keys and values) as without the library; again after it has
written and read back its file (DEBUG RELOAD), and a child must be able to save it (BGSAVE: fork
under load). Then redis-benchmark runs all its commands, plain and pipelined, and the server must
be alive, with the right keys, must free everything on another thread (FLUSHALL ASYNC), and end
with status 0.

Debian's redis-server is linked with jemalloc; preloading replaces that too. The package
redis-tools has the server's program (redis-check-rdb is the same file and goes by its name)
without the service that the package redis-server would start.
"""

import time

from case import Case
from packages import Need
from session import Failure, end_group, excerpt, status_text

LUA = """
local made = {}
for i = 1, 20000 do made[i] = string.rep(tostring(i), i % 50) end
table.sort(made)
return redis.sha1hex(table.concat(made))
"""


def resp(*words):
    parts = [word if isinstance(word, bytes) else str(word).encode() for word in words]
    return b"*%d\r\n" % len(parts) + b"".join(b"$%d\r\n%b\r\n" % (len(p), p) for p in parts)


class Redis(Case):
    name = "redis"
    about = "redis-server under redis-benchmark, all commands, plain and with -P 16"
    needs = (Need("redis-check-rdb", "redis-tools"), Need("redis-benchmark", "redis-tools"))

    def prepare(self, directory):
        self.data = directory / "data.resp"
        numbers = self.random()
        with open(self.data, "wb") as out:
            for i in range(20_000):
                long = numbers.randrange(1, 60) if i % 20 else numbers.randrange(500, 20_000)
                value, field = numbers.randbytes(long), f"f{numbers.randrange(200)}"
                out.write(resp("SET", f"s{i}", value))
                out.write(resp("HSET", f"h{i % 300}", field, value[:200]))
                out.write(resp("RPUSH", f"l{i % 200}", value[:500]))
                out.write(resp("SADD", f"set{i % 100}", numbers.randrange(5000)))
                out.write(resp("ZADD", f"z{i % 150}", numbers.randrange(10_000), field))
                if i % 5 == 0:
                    out.write(resp("APPEND", f"s{numbers.randrange(i + 1)}", value))
                if i % 7 == 0:
                    out.write(resp("DEL", f"s{numbers.randrange(i + 1)}"))
                if i % 11 == 0:
                    out.write(resp("LPOP", f"l{numbers.randrange(200)}", 3))

    def run(self, session):
        # A name without a directory: the path of a socket must be short.
        (session.work / "redis-server").symlink_to("/usr/bin/redis-check-rdb")
        server = session.start(
            "./redis-server", "--port", 0, "--unixsocket", "redis.sock", "--save", "",
            "--appendonly", "no", "--enable-debug-command", "local",
            "--lazyfree-lazy-user-del", "yes", "--hz", 50, timeout=200)
        try:
            answer = self.use(session, server)
            self.ask(session, "SHUTDOWN", "NOSAVE")
        except Failure as failure:
            fate = "still running" if not server.has_ended() else "ended"
            end_group(server.process.pid)
            done = server.wait()
            raise Failure(f"{failure}\nthe server ({fate}, {status_text(done.status)}) said:\n"
                          f"{excerpt(done.stdout, 9000)}\n{excerpt(done.stderr)}"
                          f"{excerpt(server.watch.backtrace, 12000)}") from None
        session.finish(server)
        return answer

    def ask(self, session, *words):
        text = session.run("redis-cli", "-s", "redis.sock", *words).text.strip()
        if text.startswith(("ERR", "Error", "Could not")):
            raise Failure(f"redis answered {words[0]} with: {text}")
        return text

    def use(self, session, server):
        def ask(*words):
            return self.ask(session, *words)

        self.wait_for_socket(session, server)
        loaded = session.run("redis-cli", "-s", "redis.sock", "--pipe", stdin=self.data).text
        if "errors: 0" not in loaded:
            raise Failure(f"loading the data: {loaded}")
        answer = {"loaded": loaded.splitlines()[-1], "digest": ask("DEBUG", "DIGEST"),
                  "keys": ask("DBSIZE"), "value": ask("GET", "s1980"), "lua": ask("EVAL", LUA, 0)}
        ask("DEBUG", "RELOAD")
        if ask("DEBUG", "DIGEST") != answer["digest"]:
            raise Failure("DEBUG RELOAD changed the data")
        ask("BGSAVE")
        answer["bare"] = self.benchmark(session, "-n", 1000, "-c", 20, "-d", 300)
        answer["pipelined"] = self.benchmark(session, "-n", 4800, "-c", 20, "-P", 16)
        answer["after"] = [ask("DBSIZE"), ask("LLEN", "mylist"), ask("TYPE", "myhash"),
                           ask("DEBUG", "DIGEST-VALUE", "key:__rand_int__")]
        self.wait_for(lambda: "rdb_bgsave_in_progress:0" in ask("INFO", "persistence"), "BGSAVE")
        information = ask("INFO")
        for fact in ("rdb_last_bgsave_status:ok", "used_memory:", "uptime_in_seconds:"):
            if fact not in information:
                raise Failure(f"INFO does not say {fact}")
        ask("FLUSHALL", "ASYNC")
        self.wait_for(lambda: "lazyfree_pending_objects:0" in ask("INFO", "memory"),
                      "FLUSHALL ASYNC")
        answer["flushed"] = ask("DBSIZE")
        return answer

    def benchmark(self, session, *options):
        """Returns the names of the commands it has run; the speed is another test's business."""
        done = session.run("redis-benchmark", "-s", "redis.sock", "-q", *options)
        lines = done.text.replace("\r", "\n").splitlines()
        names = [line.split(": ")[0] for line in lines if " requests per second" in line]
        if len(names) < 18:
            raise Failure(f"redis-benchmark ran {len(names)} commands only: {done.text[-800:]}")
        return sorted(set(names))

    def wait_for(self, condition, what):
        for _ in range(300):
            if condition():
                return
            time.sleep(0.1)
        raise Failure(f"redis has not done {what} in 30 s")

    def wait_for_socket(self, session, server):
        for _ in range(600):
            if (session.work / "redis.sock").exists():
                return
            if server.has_ended():
                break
            time.sleep(0.02)
        raise Failure("redis-server does not open its socket")
