"""Measures one redactor and prints JSON; runs where only that one is installed, so it imports nothing of Arc's but Arc.

python redaction_worker.py SUBJECT DATA ENGINE
"""

import gzip
import json
import resource
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

Spans = list[tuple[int, int]]
NOT_OURS = {
    "PERSON",
    "STREET_ADDRESS",
    "GPE",
    "ORGANIZATION",
    "DATE_TIME",
    "TITLE",
    "AGE",
    "NRP",
    "DOMAIN_NAME",
    "ZIP_CODE",
    "URL",
}
SIZES = {"1k": 1_000, "10k": 10_000, "100k": 100_000}
SECONDS = 20.0
"""CPU time that one measure may take; slow subjects get fewer texts."""


def arc(engine: str) -> Callable[[str], Spans]:
    from arc_runtime.redaction._engine import search

    return lambda text: [(one.start, one.end) for one in search(text, engine)]


def presidio(_: str) -> Callable[[str], Spans]:
    """Its recognizers of every country that are made of patterns, without the NER model."""
    import presidio_analyzer.predefined_recognizers as predefined
    from presidio_analyzer import PatternRecognizer

    made = []
    for name in predefined.__all__:
        kind = getattr(predefined, name)
        if isinstance(kind, type) and issubclass(kind, PatternRecognizer):
            made.append(kind())

    def find(text: str) -> Spans:
        return [
            (one.start, one.end)
            for recognizer in made
            for one in recognizer.analyze(text, recognizer.supported_entities, None) or ()
        ]

    return find


def scrubadub(_: str) -> Callable[[str], Spans]:
    import scrubadub as library

    scrubber = library.Scrubber(locale="en_US")
    return lambda text: [(one.beg, one.end) for one in scrubber.iter_filth(text)]


def datafog(_: str) -> Callable[[str], Spans]:
    from datafog.processing.text_processing.regex_annotator import RegexAnnotator

    annotator = RegexAnnotator()

    def find(text: str) -> Spans:
        _, result = annotator.annotate_with_spans(text)
        return [(one.start, one.end) for one in result.spans]

    return find


def rows(data: Path, name: str) -> list[dict]:
    with gzip.open(data / f"{name}.jsonl.gz", "rt") as lines:
        return [json.loads(line) for line in lines]


def percent(part: int, whole: int) -> float:
    return 100 * part / max(whole, 1)


def found_of(find: Callable[[str], Spans], data: Path) -> dict[str, float]:
    hits: dict[str, list[bool]] = {"recall": [], "national_ids": [], "secrets": []}
    for row in rows(data, "vectors") + rows(data, "telemetry"):
        if row["expect"] == "match" and row["group"] != "other" and row["tier"] != "weak":
            spans = find(row["text"])
            for span in row["spans"]:
                hit = any(start <= span["start"] and end >= span["end"] for start, end in spans)
                hits["secrets" if row["group"] == "secret" else "recall"].append(hit)
                if row["group"] == "national_id":
                    hits["national_ids"].append(hit)
    covered, wrong, total, wanted = 0, 0, 0, 0
    for row in rows(data, "documents"):
        spans = find(row["text"])
        for span in row["spans"]:
            if not (span.get("invalid") or span["type"].startswith("OTHER_") or span["type"] in NOT_OURS):
                wanted += 1
                covered += any(start <= span["start"] and end >= span["end"] for start, end in spans)
        total += len(spans)
        wrong += sum(
            not any(span["start"] < end and start < span["end"] for span in row["spans"]) for start, end in spans
        )
    scores = {name: percent(sum(values), len(values)) for name, values in hits.items()}
    return {**scores, "documents": percent(covered, wanted), "precision": 100 - percent(wrong, total)}


def wrongly_found(find: Callable[[str], Spans], texts: list[str]) -> dict[str, float]:
    """Of as many clean texts as the time allows, evenly over all of them."""
    flagged = findings = size = read = 0
    begin = time.process_time()
    for text in texts[:: max(1, len(texts) // 400)] if slow(find, texts[0]) else texts:
        spans = find(text)
        read, size, flagged, findings = read + 1, size + len(text), flagged + bool(spans), findings + len(spans)
        if time.process_time() - begin > SECONDS:
            break
    return {"flagged": percent(flagged, read), "per_mb": findings / size * 1e6}


def slow(find: Callable[[str], Spans], text: str) -> bool:
    begin = time.process_time()
    find(text * 3)
    return time.process_time() - begin > 0.01


def speed(find: Callable[[str], Spans], texts: list[str]) -> dict[str, float]:
    joined = "".join(text for text in texts if len(text) > 500)
    figures: dict[str, float] = {}
    for name, size in SIZES.items():
        parts = [joined[at : at + size] for at in range(0, len(joined) - size, size)][:: 1 if size > 5_000 else 5]
        if slow(find, texts[0]):
            parts = parts[:: max(1, len(parts) * size // 40_000)]
        best = [min(_seconds(find, part) for _ in range(3)) for part in parts]
        figures[f"mb_s_{name}"] = size * len(parts) / sum(best) / 1e6
        if name == "1k":
            figures["us_1k"] = statistics.median(best) * 1e6
        elif name == "100k":
            figures["ms_100k"] = statistics.median(best) * 1e3
    return figures


def _seconds(find: Callable[[str], Spans], text: str) -> float:
    begin = time.process_time()
    find(text)
    return time.process_time() - begin


def main() -> None:
    subject, data, engine = sys.argv[1], Path(sys.argv[2]), sys.argv[3]
    held, begin = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
    find = globals()[subject](engine)
    find("write to jane@example.com, +44 20 7946 0958, card 4111 1111 1111 1111, 12 days")
    taken = (time.process_time() - begin) * 1e3
    memory = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - held) / 1024
    texts = [row["text"] for row in rows(data, "clean")]
    figures = {**found_of(find, data), **wrongly_found(find, texts), **speed(find, texts)}
    json.dump({**figures, "import_ms": taken, "memory_mb": memory}, sys.stdout)


if __name__ == "__main__":
    main()
