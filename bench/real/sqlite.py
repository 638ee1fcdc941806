"""sqlite3 in memory: inserts, an index, joins, updates, deletes and sorting."""

import random

from real.plan import Plan

PACKAGES = ["sqlite3"]
ABOUT = "sqlite3 on a script of inserts, joins, updates and deletes, in memory"

WORDS = "amber birch cedar dune ember fjord grove heath islet jetty knoll ledge mere".split()


def prepare(directory, scale):
    source = random.Random(1)
    rows = max(100, int(180_000 * scale))
    lines = [
        "PRAGMA journal_mode=OFF;",
        "CREATE TABLE place(id INTEGER PRIMARY KEY, name TEXT, region INTEGER, size REAL);",
        "CREATE TABLE visit(place INTEGER, day INTEGER, note TEXT);",
        "BEGIN;",
    ]
    for row in range(rows):
        name = " ".join(source.choices(WORDS, k=source.randint(1, 5)))
        lines.append(
            f"INSERT INTO place VALUES({row},'{name}',{source.randrange(97)},{source.random():.6f});"
        )
        note = " ".join(source.choices(WORDS, k=source.randint(2, 25)))
        lines.append(
            f"INSERT INTO visit VALUES({source.randrange(rows)},{source.randrange(365)},'{note}');"
        )
    lines += [
        "COMMIT;",
        "CREATE INDEX visit_place ON visit(place);",
        "CREATE INDEX place_name ON place(name, region);",
        "SELECT region, count(*), round(sum(size),3), group_concat(DISTINCT day) FROM place"
        " JOIN visit ON place.id=visit.place GROUP BY region ORDER BY region;",
        "SELECT name, count(*) c FROM place GROUP BY name ORDER BY c DESC, name LIMIT 50;",
        "SELECT count(*) FROM visit WHERE note LIKE '%fjord grove%';",
        "UPDATE place SET name=upper(name)||' '||region WHERE id%3=0;",
        "DELETE FROM visit WHERE day BETWEEN 100 AND 200;",
        "SELECT substr(note,1,40), length(note) FROM visit ORDER BY note, place, day LIMIT 200;",
        "SELECT count(*), sum(length(name)), max(name) FROM place;",
    ]
    script = directory / "script.sql"
    script.write_text("\n".join(lines) + "\n")
    return Plan(["sqlite3", "-batch", ":memory:"], stdin=script)
