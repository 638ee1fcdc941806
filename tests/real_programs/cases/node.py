"""node: JSON, buffers, compression on the thread pool, worker threads with their own heaps."""

from case import WORKLOADS, Case
from packages import Need


class Node(Case):
    name = "node"
    about = "JSON, Buffer, zlib and worker_threads; one checksum a stage"
    needs = (Need("node", "nodejs"),)

    def run(self, session):
        return {"printed": session.run("node", WORKLOADS / "stages.js").text}
