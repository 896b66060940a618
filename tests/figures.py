#!/usr/bin/python3
"""figures.py FILE: the figures that tests noted (tests/system/scale.py), as a table."""

import json
import sys

with open(sys.argv[1], encoding="utf-8") as lines:
    rows = [json.loads(line) for line in lines]
width = max((len(row["what"]) for row in rows), default=0)
for row in rows:
    print(f"{row['what']:{width}}  {row['figures']}")
