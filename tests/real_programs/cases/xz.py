"""tar and xz -T2: a tree packed with two threads, tested, and unpacked again."""

from case import Case, digest
from packages import Need
from session import Failure


class Xz(Case):
    name = "xz"
    about = "tar | xz -T2 round trip of a made tree, archive compared byte for byte"
    needs = (Need("xz", "xz-utils"), Need("tar", "tar"))

    def prepare(self, directory):
        self.tree = directory / "tree"
        numbers = self.random()
        words = [f"{numbers.getrandbits(48):x}" for _ in range(4000)]
        for number in range(400):
            path = self.tree / f"d{number % 13}" / f"e{number % 7}" / f"file{number}"
            path.parent.mkdir(parents=True, exist_ok=True)
            if number % 40 == 0:
                path.write_bytes(numbers.randbytes(300_000))
            else:
                path.write_text(" ".join(numbers.choices(words, k=2500)))

    def run(self, session):
        session.run("tar", "-cf", "tree.tar", "--sort=name", "--mtime=@1600000000", "--owner=0",
                    "--group=0", "--numeric-owner", "-C", self.tree, ".")
        # A small block size gives both threads several blocks each.
        session.run("xz", "-k", "-T2", "-4", "--block-size=1MiB", "tree.tar")
        session.run("xz", "-t", "-T2", "tree.tar.xz")
        (session.work / "out").mkdir()
        session.run("tar", "-xf", "tree.tar.xz", "-C", "out", must_load=("xz",))
        before = {path.relative_to(self.tree): path.read_bytes()
                  for path in self.tree.rglob("file*")}
        after = {path.relative_to(session.work / "out"): path.read_bytes()
                 for path in (session.work / "out").rglob("file*")}
        if before != after:
            raise Failure("the unpacked tree is not the packed one")
        return {"archive": digest((session.work / "tree.tar.xz").read_bytes()), "files": len(after)}
