"""What is asked of a new key is checked, and only the hash of its secret is kept."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from brightfield.access.issuing import KeyRequest, issue, moment
from brightfield.refusals import KeyExists, UnknownKey
from brightfield.store.keys import KeyLimits, open_keys

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC).timestamp()


def test_a_key_is_kept_without_its_secret(tmp_path: Path) -> None:
    file = tmp_path / "store.db"
    with open_keys(f"sqlite:///{file}") as store:
        limits = KeyLimits(rate=2.5, stored_bytes=10**9)
        key, _ = issue(store, KeyRequest("lab", ("write", "read"), "optics", "90d", limits))
        (kept,) = store.all()
    assert (kept.scopes, kept.project, kept.limits) == (("read", "write"), "optics", limits)
    assert key.is_that_of(kept.salt, kept.digest)
    assert kept.expires == pytest.approx(kept.created + 90 * 86_400)
    data = b"".join(each.read_bytes() for each in tmp_path.iterdir())
    assert kept.digest in data
    assert key.secret.encode() not in data


@pytest.mark.parametrize(
    ("wanted", "phrase"),
    [
        (KeyRequest("lab", ("read", "rite")), "rite is not a scope"),
        (KeyRequest("lab", ()), "Nothing is not a scope"),
        (KeyRequest("", ("read",)), "not a name"),
        (KeyRequest("a\nb", ("read",)), "not a name"),
        (KeyRequest("lab", project="../x"), "not a project"),
        (KeyRequest("lab", project="Optics"), "not a project"),
        (KeyRequest("lab", expires="soon"), "neither a time"),
        (KeyRequest("lab", expires="2001-01-01"), "has passed"),
        (KeyRequest("lab", limits=KeyLimits(rate=-1)), "rate"),
        (KeyRequest("lab", limits=KeyLimits(rate=float("nan"))), "rate"),
        (KeyRequest("lab", limits=KeyLimits(in_flight=0)), "in-flight"),
    ],
)
def test_a_wrong_wish_is_one_sentence_and_leaves_no_key(
    tmp_path: Path, wanted: KeyRequest, phrase: str
) -> None:
    with open_keys(f"sqlite:///{tmp_path / 'store.db'}") as store:
        with pytest.raises(ValueError, match=phrase):
            issue(store, wanted)
        assert store.all() == []


def test_a_name_is_free_again_when_its_key_is_revoked(tmp_path: Path) -> None:
    with open_keys(f"sqlite:///{tmp_path / 'store.db'}") as store:
        _, first = issue(store, KeyRequest("lab"))
        with pytest.raises(KeyExists, match=first.id):
            issue(store, KeyRequest("lab"))
        with pytest.raises(UnknownKey, match="lab"):
            store.revoke("lob")
        store.revoke("lab")
        _, second = issue(store, KeyRequest("lab"))
        store.revoke(second.id)
        assert all(each.revoked for each in store.all())


@pytest.mark.parametrize(
    ("text", "then"),
    [
        ("12h", NOW + 12 * 3600),
        ("4w", NOW + 28 * 86_400),
        ("2026-11-27", datetime(2026, 11, 28, tzinfo=UTC).timestamp()),
        ("2028-02-29", datetime(2028, 3, 1, tzinfo=UTC).timestamp()),
    ],
)
def test_a_time_is_from_now_or_the_end_of_a_day(text: str, then: float) -> None:
    assert moment(text, NOW) == then
