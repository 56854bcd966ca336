"""Finding cards: which one counts where there are several, and what becomes of faulty ones."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from brightfield.card_folders import FoundCards, find_cards
from brightfield.errors import InvalidCard, UnknownModel

from .test_cards import CARD, write


def card(name: str = "nuclei", version: str = "2") -> str:
    return CARD.replace('"nuclei"', f'"{name}"').replace('version = "2"', f'version = "{version}"')


def versions(found: FoundCards) -> dict[str, str]:
    return {name: card.version for name, card in found.cards.items()}


def test_a_broken_card_hides_no_other_and_the_later_folder_wins(tmp_path: Path) -> None:
    write(tmp_path / "shipped" / "nuclei", card())
    write(tmp_path / "lab" / "mine", card(version="3"))
    write(tmp_path / "lab" / "broken", "id = 3")
    alone = write(tmp_path / "alone", card("alone"))
    found = find_cards([tmp_path / "shipped", tmp_path / "lab", alone, tmp_path / "absent"])
    assert versions(found) == {"nuclei": "3", "alone": "2"}
    assert found.faults.keys() == {"broken", "absent"}


def test_two_folders_with_one_id_are_a_fault_that_names_both(tmp_path: Path) -> None:
    write(tmp_path / "shipped" / "nuclei", card())
    write(tmp_path / "lab" / "nuclei-v2", card())
    write(tmp_path / "lab" / "nuclei-v10", card(version="10"))
    write(tmp_path / "lab" / "cells", card("cells"))
    found = find_cards([tmp_path / "shipped", tmp_path / "lab"])
    assert versions(found) == {"cells": "2"}
    assert found.faults.keys() == {"nuclei-v2", "nuclei-v10"}
    for name in ("nuclei", "nuclei-v2", "nuclei-v10"):
        with pytest.raises(
            InvalidCard, match="2 folders have the id 'nuclei': nuclei-v10, nuclei-"
        ):
            found.card(name)


def test_a_faulty_second_folder_of_an_id_is_one_too_many(tmp_path: Path) -> None:
    write(tmp_path / "nuclei-v2", card())
    write(tmp_path / "nuclei-v3", card(version="3").replace("licence", "license"))
    found = find_cards([tmp_path])
    assert not found.cards and found.faults.keys() == {"nuclei-v2", "nuclei-v3"}
    with pytest.raises(InvalidCard, match="2 folders"):
        found.card("nuclei")


def test_a_faulty_card_of_the_lab_is_not_replaced_by_the_shipped_one(tmp_path: Path) -> None:
    write(tmp_path / "shipped" / "nuclei", card())
    write(tmp_path / "lab" / "mine", card(version="3").replace("licence", "license"))
    found = find_cards([tmp_path / "shipped", tmp_path / "lab"])
    for name in ("nuclei", "mine"):
        with pytest.raises(InvalidCard, match=r"mine/card.toml.*license.*Did you mean licence"):
            found.card(name)
    write(tmp_path / "lab2" / "nuclei", card(version="4"))
    found = find_cards([tmp_path / "shipped", tmp_path / "lab", tmp_path / "lab2"])
    assert found.card("nuclei").version == "4"


def test_faults_of_folders_of_one_name_are_both_kept(tmp_path: Path) -> None:
    for place in ("one", "two"):
        write(tmp_path / place / "broken", "[")
    assert find_cards([tmp_path / "one", tmp_path / "two"]).faults.keys() == {
        "broken", "two/broken",
    }  # fmt: skip


def test_a_name_without_a_card_gets_the_nearest(tmp_path: Path) -> None:
    write(tmp_path / "nuclei", card())
    found = find_cards([tmp_path])
    with pytest.raises(UnknownModel, match="Did you mean nuclei"):
        found.card("nuclie")
    with pytest.raises(UnknownModel, match="Known: nuclei"):
        found.card("x")


def test_what_becomes_of_a_card(tmp_path: Path) -> None:
    write(tmp_path / "a", card())
    first = find_cards([tmp_path]).card("nuclei")

    def now() -> str:
        return find_cards([tmp_path]).compared(first)

    assert now() == "same"
    shutil.move(tmp_path / "a", tmp_path / "b")
    assert now() == "same"  # it says the same, wherever it lies
    write(tmp_path / "b", card().replace("0.5", "0.4"))
    assert now() == "changed"
    write(tmp_path / "b", card().replace("licence", "license"))
    assert now() == "faulty"
    shutil.rmtree(tmp_path / "b")
    assert now() == "removed"
