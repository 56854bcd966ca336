"""Pairs are measured once: what a chunk keeps of them gives the report that their images give."""

from __future__ import annotations

import base64
import io
import json
import math
import random
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from brightfield.errors import MissingValues
from brightfield.images.limits import Limits
from brightfield.metrics import catalog
from brightfield.metrics.chunks.chunk import JSON, RunChunks
from brightfield.metrics.chunks.frames import merged
from brightfield.metrics.evaluation import DataLimits, RunPair
from brightfield.metrics.statistics.confidence import Confidence
from brightfield.outages import DamagedChunk
from brightfield.progress import no_progress

LIMITS = DataLimits(Limits(10**7), 10**7)
CI = {"method": "percentile", "resamples": 20}
MEMBERS = {"segmentation": ("truth", "prediction"), "restoration": ("reference", "image")}


def made(task, **options):
    """An evaluation; the images of this file are numbers of JSON, whose range is to be stated."""
    stated = {"data_range": 255} if task == "restoration" else {}
    return catalog()[task](**stated, **options)


def measured(evaluation, chunks):
    """The chunks of a run as they are kept."""
    frame, sizes, payloads = None, {}, []
    for key, pairs in chunks.items():
        chunk = evaluation.chunk({"pairs": pairs}, LIMITS, no_progress)
        frame, sizes[key] = merged(frame, chunk.frame), chunk.rows
        payloads.append((key, chunk.media_type, chunk.payload))
    return RunChunks(sizes, frame or {}, payloads)


def with_images(evaluation, chunks):
    """The same as an earlier version kept them."""
    parts = measured(evaluation, chunks)
    texts = {key: json.dumps({"pairs": pairs}).encode() for key, pairs in chunks.items()}
    payloads = [(key, JSON, zlib.compress(text)) for key, text in texts.items()]
    return RunChunks(parts.sizes, parts.frame, payloads)


def text(evaluation, parts):
    return json.dumps(evaluation.together(parts, LIMITS, no_progress), allow_nan=False)


def cut(pairs, count, rng):
    ends = sorted(rng.randrange(len(pairs) + 1) for _ in range(count - 1))
    keys = rng.sample([f"chunk {number}" for number in range(count)], count)
    return {
        key: pairs[a:b] for key, a, b in zip(keys, [0, *ends], [*ends, len(pairs)], strict=True)
    }


def placeless(report):
    """The report as text without the places in what was sent."""
    report = json.loads(json.dumps(report, allow_nan=False))
    for entry in (*report["cases"], *report["worst"], *report["excluded"]):
        entry.pop("row", None), entry.pop("chunk", None)
    report["excluded"].sort(key=json.dumps)
    return json.dumps(report)


def masks(rng, kind):
    """A truth and a prediction: (H, W), or of a volume (D, H, W)."""
    shape = tuple(rng.integers(2, 14, 3 if kind == "volume" else 2))
    values = 3 if kind == "volume" else 2
    truth = np.kron(rng.integers(0, values, shape), np.ones((2,) * len(shape), int))
    found = np.where(rng.random(truth.shape) < 0.8, truth, rng.integers(0, values, truth.shape))
    empty = np.zeros_like(truth)
    return {
        "identical": (truth, truth),
        "both empty": (empty, empty),
        "empty truth": (empty, found),
        "empty prediction": (truth, empty),
    }.get(kind, (truth, found))


def images(rng, kind):
    """A reference and an image (H, W, C)."""
    side = rng.integers(3, 10) if kind == "too small" else rng.integers(11, 20)
    shape = (side, side + rng.integers(0, 5), rng.choice([1, 3]))
    reference = rng.random(shape) * 255
    image = np.clip(reference + rng.normal(0, 1 / 3, shape), 0, 255)
    if kind == "not finite":
        image[0, 0, 0] = rng.choice([math.nan, math.inf])
    return (reference, reference) if kind == "identical" else (reference, image)


KINDS = {
    "segmentation": ["plain", "identical", "both empty", "empty truth", "empty prediction",
                     "volume", "missing"],
    "restoration": ["plain", "identical", "too small", "not finite", "missing"],
}  # fmt: skip
OPTIONS = {
    "segmentation": [{}, {"mode": "instance"}, {"labels": "ground,a,b"}, {"pixel_size": 0.3}],
    "restoration": [{}, {"luminance": True}, {"border": 1}],
}


def drawn(task, kinds, groups, named, seed):
    rng = np.random.default_rng(seed)
    found = []
    for place, (kind, group) in enumerate(zip(kinds, groups, strict=True)):
        draw = masks if task == "segmentation" else images
        pair = [{"array": each.tolist()} for each in draw(rng, kind)]
        if kind == "missing":
            pair[rng.integers(2)] = None
        entry = dict(zip(MEMBERS[task], pair, strict=True)) | {"group": group}
        found.append(entry | ({"id": f"id {place * 7919 % 1009}"} if named else {}))
    return found


@pytest.mark.slow
@settings(max_examples=120, deadline=None)
@given(st.data())
def test_a_run_reports_what_one_call_does(data):
    task = data.draw(st.sampled_from(list(KINDS)))
    options = data.draw(st.sampled_from(OPTIONS[task]))
    kinds = data.draw(st.lists(st.sampled_from(KINDS[task]), max_size=7))
    group = st.none() if data.draw(st.booleans()) else st.sampled_from(["p", "q", "r", None])
    groups = data.draw(st.lists(group, min_size=len(kinds), max_size=len(kinds)))
    seed, named = data.draw(st.integers(0, 2**32)), data.draw(st.booleans())
    pairs = drawn(task, kinds, groups, named, seed)
    evaluation = made(task, ci=CI, worst=3, **options)
    chunks = cut(pairs, data.draw(st.integers(1, 4)), random.Random(seed))
    run = measured(evaluation, chunks)
    once = evaluation.evaluate({"pairs": pairs}, LIMITS, no_progress)
    assert placeless(evaluation.together(run, LIMITS, no_progress)) == placeless(once)
    # With places, byte for byte, that of the images.
    assert text(evaluation, run) == text(evaluation, with_images(evaluation, chunks))


@pytest.mark.parametrize("task", list(KINDS))
def test_chunks_of_an_earlier_version_are_measured_beside_others(task):
    pairs = drawn(task, KINDS[task], [None] * len(KINDS[task]), True, 5)
    evaluation = made(task, ci=CI)
    chunks = {"a": pairs[::2], "b": pairs[1::2]}
    now, before = measured(evaluation, chunks), with_images(evaluation, chunks)
    mixed = RunChunks(now.sizes, now.frame, [now.payloads[0], before.payloads[1]])
    assert text(evaluation, mixed) == text(evaluation, now)


@pytest.mark.parametrize("task", list(KINDS))
def test_two_runs_compare_as_their_images_do(task):
    evaluation = made(task, ci=CI)
    sides = []
    for seed in (1, 2):
        pairs = drawn(task, KINDS[task] * 2, ["p", "q"] * len(KINDS[task]), True, seed)
        sides.append(cut(pairs, 3, random.Random(seed)))
    found = [
        evaluation.against(
            evaluation,
            RunPair(*(form(evaluation, chunks) for chunks in sides), LIMITS, no_progress),
            Confidence(**CI),
        )
        for form in (measured, with_images)
    ]
    assert json.dumps(found[0], allow_nan=False) == json.dumps(found[1], allow_nan=False)
    assert found[0]["n"] > 0


@pytest.mark.parametrize("task", list(KINDS))
def test_nothing_is_measured_for_a_report(task, monkeypatch):
    evaluation = made(task, ci=CI)
    pairs = drawn(task, ["plain"] * 5, [None] * 5, True, 0)
    run = measured(evaluation, {"a": pairs})
    before = text(evaluation, run)
    monkeypatch.setattr(type(evaluation), "measured", None)
    assert text(evaluation, run) == before
    ((_, _, payload),) = run.payloads
    assert len(payload) < 1000  # however many pixels there are
    assert not any(name in zlib.decompress(payload) for name in (b"array", b"truth", b"reference"))


def test_many_classes_take_what_meets():
    labels = [f"class {number}" for number in range(400)]
    pair = {"truth": {"array": [[0, 7], [399, 7]]}, "prediction": {"array": [[0, 7], [398, 7]]}}
    evaluation = catalog()["segmentation"](labels=labels, ci={"method": "none"})
    run = measured(evaluation, {"a": [pair]})
    assert len(run.payloads[0][2]) < 1000
    assert text(evaluation, run) == text(evaluation, with_images(evaluation, {"a": [pair]}))


def png(mask):
    stream = io.BytesIO()
    Image.fromarray(mask).save(stream, "PNG")
    return {"png": base64.b64encode(stream.getvalue()).decode()}


def npy(pixels):
    stream = io.BytesIO()
    np.save(stream, pixels)
    return {"npy": base64.b64encode(stream.getvalue()).decode()}


def digest(task, *pairs, **options):
    chunk = made(task, **options).chunk({"pairs": list(pairs)}, LIMITS, no_progress)
    return chunk.sha256


def test_the_digest_covers_pixels_and_not_their_encoding():
    mask = np.array([[0, 1, 1], [0, 0, 1]], np.uint8)
    forms = [{"array": mask.tolist()}, npy(mask), npy(mask * 1.0), png(mask), png(mask * 255)]
    found = {digest("segmentation", {"truth": form, "prediction": forms[0]}) for form in forms}
    assert len(found) == 1
    image = np.arange(12.0).reshape(3, 4)
    forms = [{"array": image.tolist()}, npy(image.astype(np.float32)), png(image.astype(np.uint8))]
    found = {digest("restoration", {"reference": form, "image": forms[0]}) for form in forms}
    assert len(found) == 1


A, B = {"array": [[0, 1, 1]]}, {"array": [[0, 0, 1]]}
PAIR = {"truth": A, "prediction": B}
NAN, INFINITE = {"array": [[math.nan, 1.0]]}, {"array": [[math.inf, 1.0]]}
BRIGHT = {"array": [[9.0, 1.0]]}


@pytest.mark.parametrize(
    ("task", "chunks"),
    [
        ("segmentation", [
            [PAIR], [PAIR, PAIR], [{"truth": B, "prediction": A}],
            [{"truth": {"array": [[0], [1], [1]]}, "prediction": {"array": [[0], [0], [1]]}}],
            [{**PAIR, "id": "1"}], [{**PAIR, "id": "2"}], [{**PAIR, "group": "1"}],
            [{**PAIR, "group": "2"}], [{**PAIR, "group": None}], [{**PAIR, "id": 1, "group": "1"}],
        ]),
        # The order of pairs names those without an id.
        ("segmentation", [[PAIR, {"truth": A, "prediction": A}],
                          [{"truth": A, "prediction": A}, PAIR]]),
        # What is left out was sent as well.
        ("segmentation", [
            [PAIR, {"truth": A, "prediction": None}], [PAIR, {"truth": B, "prediction": None}],
            [PAIR, {"truth": None, "prediction": A}], [PAIR, {}], [{}, PAIR],
        ]),
        ("restoration", [
            [{"reference": NAN, "image": BRIGHT}], [{"reference": NAN, "image": NAN}],
            [{"reference": INFINITE, "image": NAN}], [{"reference": None, "image": NAN}],
        ]),
    ],
)  # fmt: skip
def test_other_content_has_another_digest(task, chunks):
    found = [digest(task, *pairs) for pairs in chunks]
    assert len(set(found)) == len(found)


def test_what_is_left_out_keeps_its_group():
    pairs = [{"truth": A, "prediction": None, "group": "g"}, PAIR]
    evaluation = catalog()["segmentation"](ci=CI)
    report = evaluation.together(measured(evaluation, {"a": pairs}), LIMITS, no_progress)
    assert report["excluded"] == [
        {"chunk": "a", "row": 0, "reason": "missing_image"},
        {"chunk": "a", "row": 1, "reason": "missing_group"},
    ]
    refusing = catalog()["segmentation"](missing="refuse")
    with pytest.raises(MissingValues):
        refusing.together(measured(evaluation, {"a": pairs}), LIMITS, no_progress)


WRONG = {
    "segmentation": [("outlines", []), ("outlines", [{}]), ("overlap", [[9, 1]]),
                     ("overlap", [[0]]), ("overlap", None)],
    "restoration": [("error", []), ("error", "much"), ("count", None)],
}  # fmt: skip


@pytest.mark.parametrize("task", list(KINDS))
def test_a_damaged_chunk_is_named(task):
    evaluation = made(task, ci=CI)
    pairs = drawn(task, ["plain", "missing"], [None] * 2, False, 0)
    run = measured(evaluation, {"fold 1/b": pairs})
    ((key, kind, whole),) = run.payloads
    changed = bytearray(whole)
    changed[len(whole) // 2] ^= 1
    entries = json.loads(zlib.decompress(whole))
    wrong = [None, 5, {}, "text", [1, 2], ["a", "b"], [{}, {}], entries[:1], entries * 2]
    cases = [{}, None, *({**entries[0]["case"], name: value} for name, value in WRONG[task])]
    wrong += [[{**entries[0], "case": case}, entries[1]] for case in cases]
    payloads = [b"", whole[:-3], bytes(changed)]
    payloads += [zlib.compress(json.dumps(each).encode()) for each in wrong]
    for payload in payloads:
        damaged = RunChunks(run.sizes, run.frame, [(key, kind, payload)])
        with pytest.raises(DamagedChunk, match="chunk 'fold 1/b' cannot be read"):
            evaluation.together(damaged, LIMITS, no_progress)
