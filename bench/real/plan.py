"""What the runner needs to know to run a real program."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path


@dataclass
class Outcome:
    """What the driver of a service found."""

    wall_seconds: float
    after_kib: int | None
    checksum: str


@dataclass
class Plan:
    argv: list[str]
    stdin: Path | None = None
    env: dict[str, str] = field(default_factory=dict)
    # For a server: run while it is up; must end it. Arguments: seconds it may take, and whether to
    # look at the resident size a second after everything was freed.
    drive: Callable[[float, bool], Outcome] | None = None
    # The program brings an allocator of its own, so that even the C library's must be preloaded.
    replaces_malloc: bool = False
