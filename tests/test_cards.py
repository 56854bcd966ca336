"""Model cards: what they accept, and how they say what is wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from torchvision.models import ResNet50_Weights

from brightfield.cards import (
    PALETTE,
    LabelSource,
    ModelCard,
    read_card,
    stated_id,
)
from brightfield.errors import InvalidCard
from brightfield.torchvision_names import (
    torchvision_categories,
    torchvision_columns,
    torchvision_weights,
)

CARD = """
id = "nuclei"
version = "2"
task = "segment"
licence = "Apache-2.0"
[architecture]
name = "unet"
width = 32
[weights]
file = "nuclei.safetensors"
sha256 = "0000000000000000000000000000000000000000000000000000000000000000"
[input]
size = { multiple = 16 }
mean = [0.5]
[[labels]]
name = "nucleus"
color = [1, 2, 3]
[[labels]]
name = "border"
"""


def write(folder: Path, text: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "card.toml").write_text(text)
    return folder


def test_a_card_is_read_with_its_folder(tmp_path: Path) -> None:
    card = read_card(write(tmp_path / "nuclei", CARD))
    assert card.architecture.name == "unet"
    assert card.architecture.arguments == {"width": 32}
    assert card.folder == tmp_path / "nuclei"
    assert card.label_names == ("nucleus", "border")
    assert [card.color(index) for index in (0, 1, 9)] == [(1, 2, 3), PALETTE[1], PALETTE[1]]
    assert read_card(tmp_path / "nuclei" / "card.toml") == card


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (("version", "verzion"), "verzion: There is no such key. Did you mean version?"),
        (("mean = ", "means = "), "input.means: There is no such key. Did you mean mean?"),
        (("multiple", "multipel"), "multipel: There is no such key. Did you mean multiple?"),
        (("color", "colour"), "colour: There is no such key. Did you mean color?"),
        (('id = "nuclei"', 'id = "../nuclei"'), "an id is letters"),
        (('file = "nuclei.safetensors"', ""), "name exactly one of"),
        (('sha256 = "0', 'sha256 = "x0'), "sha256"),
        (("mean = [0.5]", "mean = [0.5, 0.5]"), "mean has 2 values for 3 channels"),
        (("[input]", "[input"), "card.toml"),
        (("color = [1,", "color = [300,"), "less than or equal to 255"),
        (("mean = [0.5]", "mean = [0.5]\n[output]\ntaking = 0"), "Did you mean take?"),
        (('name = "border"', 'name = "nucleus"'), "two labels are called 'nucleus'"),
        (("mean = [0.5]", "[output]\ninstances = {}"), "name one label"),
        (('intensity = "auto"', ""), None),
    ],
)
def test_a_wrong_card_names_what_is_wrong(
    tmp_path: Path, change: tuple[str, str], says: str | None
) -> None:
    folder = write(tmp_path / "nuclei", CARD.replace(*change))
    if says is None:
        read_card(folder)
        return
    with pytest.raises(InvalidCard) as fault:
        read_card(folder)
    assert says in fault.value.detail
    assert "nuclei/card.toml" in fault.value.detail
    assert str(tmp_path) not in fault.value.detail


def test_a_card_is_read_as_other_programs_write_it(tmp_path: Path) -> None:
    """Windows' editors put a mark at the beginning, and its Get-FileHash writes capitals."""
    text = CARD.replace("0" * 64, "AB" * 32).replace("mean = [0.5]", "mean = 0.5\nstd = 2")
    (write(tmp_path / "nuclei", "") / "card.toml").write_text(text, encoding="utf-8-sig")
    card = read_card(tmp_path / "nuclei")
    assert card.weights is not None and card.weights.sha256 == "ab" * 32
    assert (card.input.mean, card.input.std) == ((0.5,), (2.0,))


def test_short_ways_to_write_a_card(tmp_path: Path) -> None:
    """Labels by their names alone, and one key as a path."""
    text = CARD[: CARD.index("[[labels]]")]
    for take, path in (('"out"', ("out",)), ("1", (1,)), ('["heads", 0]', ("heads", 0))):
        written = f'labels = ["nucleus", "border"]\n{text}\n[output]\ntake = {take}'
        card = read_card(write(tmp_path / "nuclei", written))
        assert card.label_names == ("nucleus", "border")
        assert card.output.take == path
    assert card.color(1) == PALETTE[1]


def test_a_faulty_card_still_states_its_id(tmp_path: Path) -> None:
    assert stated_id(write(tmp_path / "a", CARD.replace("version", "verzion"))) == "nuclei"
    assert stated_id(write(tmp_path / "b", "id = 3")) is None
    assert stated_id(write(tmp_path / "c", "[")) is None


def test_an_unreadable_card_tells_no_path(tmp_path: Path) -> None:
    with pytest.raises(InvalidCard, match="No such file") as fault:
        read_card(tmp_path / "nuclei" / "card.toml")
    assert str(tmp_path) not in fault.value.detail


@pytest.mark.parametrize("weights", [None, {"torchvision": "ResNet18_Weights.DEFAULT"}])
def test_an_exported_program_needs_its_file(weights: Any) -> None:
    with pytest.raises(ValueError, match=r"\.pt2"):
        ModelCard.model_validate(
            {
                "id": "m",
                "version": "1",
                "task": "classify",
                "licence": "MIT",
                "architecture": {"name": "export"},
                "weights": weights,
            }
        )


def test_class_names_come_from_torchvision() -> None:
    name = "ResNet50_Weights.IMAGENET1K_V2"
    assert torchvision_weights(name) is ResNet50_Weights.IMAGENET1K_V2
    assert torchvision_categories(name) == tuple(ResNet50_Weights.IMAGENET1K_V2.meta["categories"])
    source = LabelSource(torchvision=name)
    assert source.torchvision == name


@pytest.mark.parametrize(
    ("weights", "count", "names"),
    [
        (
            "RetinaNet_ResNet50_FPN_Weights.COCO_V1",
            80,
            {1: "person", 13: "stop sign", 90: "toothbrush"},
        ),
        (
            "DeepLabV3_ResNet50_Weights.COCO_WITH_VOC_LABELS_V1",
            20,
            {1: "aeroplane", 20: "tvmonitor"},
        ),
    ],
)
def test_background_and_unused_numbers_have_no_label(
    weights: str, count: int, names: dict[int, str]
) -> None:
    named = dict(zip(torchvision_columns(weights), torchvision_categories(weights), strict=True))
    assert len(named) == len(set(named.values())) == count
    assert named.items() >= names.items()
    assert not {"__background__", "N/A"} & set(named.values())


@pytest.mark.parametrize("name", ["ResNet50_Weights.IMAGENET1K_V7", "nothing", "ResNet50.X.Y"])
def test_unknown_weights_names_are_wrong_cards(name: str) -> None:
    with pytest.raises(InvalidCard, match="no weights"):
        torchvision_weights(name)
