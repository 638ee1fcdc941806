"""lua5.4 on lua_job.lua: tables, closures, strings and a garbage collector over realloc."""

from pathlib import Path

from real.plan import Plan

PACKAGES = ["lua5.4"]
ABOUT = "lua 5.4 on tables, closures and strings"


def prepare(directory, scale):
    job = Path(__file__).with_name("lua_job.lua")
    return Plan(["lua5.4", str(job), str(max(1, round(80 * scale)))])
