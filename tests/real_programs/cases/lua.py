"""lua5.4: every string, table and closure is one realloc; the state is closed at the end."""

from case import WORKLOADS, Case
from packages import Need


class Lua(Case):
    name = "lua"
    about = "tables, strings, coroutines and both collectors; one checksum a stage"
    needs = (Need("lua5.4", "lua5.4"),)

    def run(self, session):
        return {"printed": session.run("lua5.4", WORKLOADS / "stages.lua").text}
