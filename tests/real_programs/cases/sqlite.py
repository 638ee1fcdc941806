"""sqlite3 on a script of 200,000 inserts, with queries after every 10,000 of them.

Rows of many lengths, indexes, updates and deletes in between; then joins, windows, a recursive
query, JSON and full text, and a check of the whole file. Everything it prints is compared.
"""

from case import Case, digest
from packages import Need

QUERIES_BETWEEN = """
SELECT 'rows', count(*), sum(amount), max(length(note)) FROM orders;
SELECT 'city', city, count(*), round(avg(amount), 3) FROM orders JOIN people USING (person)
  GROUP BY city ORDER BY city LIMIT 5;
SELECT 'long', note FROM orders WHERE id % 9973 = 1 ORDER BY length(note) DESC, id LIMIT 3;
UPDATE orders SET note = note || '!' WHERE id % 101 = 0;
DELETE FROM orders WHERE id % 97 = 0;
"""

QUERIES_AT_THE_END = """
SELECT person, amount, rank() OVER (PARTITION BY person % 50 ORDER BY amount DESC, id) AS place
  FROM orders WHERE person < 400 ORDER BY person, place, amount LIMIT 500;
WITH RECURSIVE steps(n, text) AS (SELECT 1, 'a' UNION ALL
  SELECT n + 1, substr(text || n || hex(n), 1, 400) FROM steps WHERE n < 5000)
  SELECT sum(length(text)), max(text) FROM steps;
SELECT length(json_group_array(json_object('id', id, 'note', note))) FROM orders WHERE id % 7 = 0;
SELECT count(*), sum(json_extract(value, '$.k')) FROM json_each((SELECT
  json_group_array(json_object('k', id, 's', note)) FROM orders WHERE id % 31 = 0));
CREATE VIRTUAL TABLE words USING fts5(note);
INSERT INTO words SELECT note FROM orders WHERE id % 5 = 0;
SELECT count(*) FROM words WHERE words MATCH 'amber OR willow';
SELECT city, group_concat(name, ',') FROM (SELECT city, name FROM people ORDER BY name LIMIT 900)
  GROUP BY city ORDER BY city;
CREATE INDEX by_note ON orders(note, amount);
SELECT note, amount FROM orders ORDER BY note, amount, id LIMIT 20 OFFSET 5000;
VACUUM;
PRAGMA integrity_check;
"""

WORDS = ("amber birch cedar dune elm fern grove heath iris juniper kelp larch moss nettle oak pine "
         "quartz reed sedge thyme umber vetch willow yarrow").split()


class Sqlite(Case):
    name = "sqlite"
    about = "200,000 inserts and queries in the sqlite3 shell"
    needs = (Need("sqlite3", "sqlite3"),)
    insert_count = 200_000

    def prepare(self, directory):
        self.script = directory / "script.sql"
        numbers = self.random()
        with open(self.script, "w") as out:
            out.write("PRAGMA synchronous = OFF;\n.bail on\n"
                      "CREATE TABLE people(person INTEGER PRIMARY KEY, name TEXT, city TEXT);\n"
                      "CREATE TABLE orders(id INTEGER PRIMARY KEY, person INT, amount INT, "
                      "note TEXT);\n"
                      "CREATE INDEX by_person ON orders(person);\nBEGIN;\n")
            for number in range(self.insert_count):
                if number % 20 == 0:
                    name = "".join(numbers.choice(WORDS) for _ in range(numbers.randrange(1, 4)))
                    out.write(f"INSERT INTO people VALUES({number // 20}, '{name}', "
                              f"'{WORDS[number // 20 % 12]}');\n")
                else:
                    length = numbers.randrange(1, 8) if number % 50 else numbers.randrange(300, 700)
                    note = " ".join(numbers.choices(WORDS, k=length))
                    out.write(f"INSERT INTO orders VALUES({number}, {numbers.randrange(10_000)}, "
                              f"{numbers.randrange(1_000_000)}, '{note}');\n")
                if number % 10_000 == 9_999:
                    out.write(f"COMMIT;{QUERIES_BETWEEN}BEGIN;\n")
            out.write(f"COMMIT;{QUERIES_AT_THE_END}")

    def run(self, session):
        done = session.run("sqlite3", session.work / "test.db", stdin=self.script)
        lines = done.text.splitlines()
        return {"lines": len(lines), "last": lines[-1], "tables": digest(done.stdout)}
