"""What the python workload runs: python_job.py ROUNDS. Prints one checksum a round."""

import json
import random
import re
import sys
import zlib
from collections import Counter, defaultdict


class Node:
    def __init__(self, key, value):
        self.key, self.value = key, value
        self.left = self.right = None


def insert(root, key, value):
    node = root
    while True:
        side = "left" if key < node.key else "right"
        child = getattr(node, side)
        if child is None:
            setattr(node, side, Node(key, value))
            return
        node = child


def in_order(root):
    stack, node = [], root
    while stack or node:
        while node:
            stack.append(node)
            node = node.left
        node = stack.pop()
        yield node.key, node.value
        node = node.right


def records(source, count):
    return [
        {
            "id": i,
            "name": "".join(source.choices("abcdefghijkl ", k=source.randint(3, 40))),
            "tags": [str(source.randrange(100)) for _ in range(source.randrange(6))],
            "place": {"x": source.random(), "y": source.random()},
        }
        for i in range(count)
    ]


def one_round(number):
    source = random.Random(number)
    data = json.loads(json.dumps(records(source, 2000)))
    by_tag = defaultdict(list)
    for record in data:
        for tag in record["tags"]:
            by_tag[tag].append(record["name"])
    words = Counter(word for r in data for word in re.split(r"[ a]+", r["name"]) if word)
    root = Node(0.5, None)
    for record in data:
        insert(root, record["place"]["x"], record["name"].title())
    ordered = [f"{key:.9f}={value}" for key, value in in_order(root)]
    text = "\n".join(sorted(",".join(sorted(names)) for names in by_tag.values()))
    text += "\n".join(ordered) + repr(words.most_common(100))
    return zlib.crc32(text.encode())


def main():
    for number in range(int(sys.argv[1])):
        print(number, one_round(number))


main()
