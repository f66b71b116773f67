"""De-identify the seeded corpus: objects a second, required actions taken, identifiers left.

python bench/deid/corpus.py [patients]
"""

import sys
import time
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from confrere.imaging.confidentiality import Options
from confrere.imaging.pseudonyms import project_key
from confrere.imaging.released import de_identified, examine
from tests.deid_corpus import ROOT, Corpus

KEY = project_key(b"m" * 32, b"g" * 16, "bench")
PROFILES = {
    "basic": Options(),
    "all cleaned": Options(graphics=True, content=True, descriptors=True, modified_dates=True),
}


def main(patients: int) -> None:
    for name, options in PROFILES.items():
        made = Corpus()
        objects = []
        for number in range(patients):
            objects += made.objects(made.person(), f"{ROOT}.{number + 1}.1")
        left, held, took = 0, 0, Counter()
        for one in objects:
            start = time.perf_counter()
            held += bool(examine(one.data, options, one.syntax))
            boxes = ((0, 0, 64, 10),) if one.kind == "capture" else ()
            file = de_identified(one.data, one.syntax, options, KEY, boxes=boxes)
            took[one.kind] += time.perf_counter() - start
            marks = (*one.marks, *(uid.encode() for uid in one.uids))
            left += sum(mark in file.content for mark in marks)
        each = {kind: f"{patients / seconds:.0f}/s" for kind, seconds in took.items()}
        print(f"{name}: {len(objects)} objects, {held} held, {left} identifiers left; {each}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100)
