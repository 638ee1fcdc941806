"""git: a repository of some hundred commits, cloned, repacked with several threads, and checked.

The history is written by fast-import: text and binary files that change in each commit, merges,
tags. Pack files may differ between runs (threads), so the objects are compared, and what git says
of them.
"""

from case import Case, digest
from packages import Need
from session import Failure

COMMITS = 300
FILES = 250


class Git(Case):
    name = "git"
    about = "fast-import, clone, repack -adf, fsck --full, log, blame, grep, gc"
    needs = (Need("git", "git"),)

    def prepare(self, directory):
        self.stream = directory / "history"
        numbers = self.random()
        words = [f"{numbers.getrandbits(40):x}" for _ in range(3000)]
        contents = {}
        with open(self.stream, "wb") as out:
            def command(text):
                out.write(text.encode())

            def data(body):
                command(f"data {len(body)}\n")
                out.write(body + b"\n")

            for mark in range(1, COMMITS + 1):
                command(f"commit refs/heads/main\nmark :{mark}\n"
                        f"committer Test <test@example.org> {1_600_000_000 + mark * 60} +0000\n")
                data(f"Change {mark}\n\n{' '.join(numbers.choices(words, k=20))}\n".encode())
                if mark > 1:
                    command(f"from :{mark - 1}\n")
                if mark > 10 and mark % 25 == 0:
                    command(f"merge :{mark - 7}\n")
                for number in numbers.sample(range(FILES), 8):
                    name = f"part{number % 9}/deep{number % 5}/file{number}.txt"
                    lines = contents.setdefault(name, [])
                    place = numbers.randrange(len(lines) + 1)
                    lines[place:place + 3] = [" ".join(numbers.choices(words, k=9))
                                              for _ in range(numbers.randrange(1, 30))]
                    command(f"M 100644 inline {name}\n")
                    data(("\n".join(lines) + "\n").encode())
                if mark % 10 == 0:
                    command(f"M 100644 inline binary/blob{mark % 50}.bin\n")
                    data(numbers.randbytes(numbers.randrange(1000, 200_000)))
                if mark % 50 == 0:
                    command(f"reset refs/tags/v{mark // 50}\nfrom :{mark}\n\n")

    def run(self, session):
        origin, clone = session.work / "origin.git", session.work / "clone"
        settings = ("-c", "pack.threads=2", "-c", "core.fsync=none", "-c", "gc.auto=0")

        def git(*words, where=clone, stdin=None):
            return session.run("git", *settings, *words, cwd=where, stdin=stdin).text

        git("init", "-q", "--bare", "-b", "main", origin, where=session.work)
        git("fast-import", "--quiet", where=origin, stdin=self.stream)
        # By URL, so that the objects travel through upload-pack, pack-objects and index-pack.
        git("clone", "-q", f"file://{origin}", clone, where=session.work)
        before = git("rev-list", "--objects", "--all")
        git("repack", "-adf", "--depth=30", "--window=20")
        checked = git("fsck", "--full", "--strict")
        if git("status", "--porcelain"):
            raise Failure("the clone's working tree is not clean")
        after = git("rev-list", "--objects", "--all")
        if before != after:
            raise Failure("repack -adf changed the list of objects")
        git("gc", "-q", "--aggressive", "--prune=now", where=origin)
        return {
            "objects": len(after.splitlines()),
            "names": digest("\n".join(sorted(after.splitlines()))),
            "contents": digest(git("cat-file", "--batch-all-objects", "--batch-check")),
            "origin": digest("\n".join(sorted(
                git("rev-list", "--objects", "--all", where=origin).splitlines()))),
            "fsck": checked,
            "log": digest(git("log", "-p", "--stat", "-60")),
            "blame": digest(git("blame", "-M", "HEAD", "--", "part0/deep0/file0.txt")),
            "grep": digest(git("grep", "-n", "-E", "[0-9a-f]*beef|ab+c", "v3")),
        }
