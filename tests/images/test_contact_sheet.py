from __future__ import annotations

import numpy as np

from brightfield.images.contact_sheet import Row, SheetCell, columns_for, contact_sheet, fitted


def plain(height: int, width: int, color: tuple[int, int, int]) -> np.ndarray:
    return np.full((height, width, 3), color, np.uint8)


def area(sheet: np.ndarray, color: tuple[int, int, int]) -> tuple[int, int, int, int]:
    """x, y, width, height of what has the colour."""
    rows, columns = np.nonzero((sheet == color).all(axis=2))
    return (
        int(columns.min()),
        int(rows.min()),
        int(np.ptp(columns)) + 1,
        int(np.ptp(rows)) + 1,
    )


def test_pictures_stand_in_columns_and_pairs_touch() -> None:
    red, green, blue = (255, 0, 0), (0, 255, 0), (0, 0, 255)
    rows = [
        Row([SheetCell((plain(8, 4, red), plain(8, 8, green)), "1, image 0")], "unit 3"),
        Row([SheetCell((plain(1, 1, blue),), "")], ""),
    ]
    sheet = contact_sheet(rows, side=40)
    x, y, *size = area(sheet, red)
    assert size == [20, 40]  # in proportion, in the middle of its square
    left, top, *size = area(sheet, green)
    assert (size, left, top) == ([40, 40], x - 10 + 41, y)
    left, top, *size = area(sheet, blue)
    assert (size, left) == ([40, 40], x - 10) and top > y + 40
    assert (sheet[y : y + 40, : x - 12] != 255).any()  # the title


def test_a_row_is_as_high_as_its_pictures() -> None:
    flat, square = (SheetCell((plain(side, 40, (9, 9, 9)),), "") for side in (10, 40))
    low, high = (contact_sheet([Row([tile])], 40).shape[0] for tile in (flat, square))
    assert high - low == 30


def test_an_empty_sheet_is_paper() -> None:
    assert (contact_sheet([], 40) == 255).all()
    assert contact_sheet([Row([], "unit 1")], 40).size


def test_pixels_stay_squares_or_are_averaged() -> None:
    large = fitted(np.array([[[0] * 3, [200] * 3]], np.uint8), 40)
    assert large.shape == (20, 40, 3) and set(np.unique(large)) == {0, 200}
    small = fitted(np.tile(np.array([[[0] * 3, [200] * 3]], np.uint8), (40, 20, 1)), 20)
    assert small.shape == (20, 20, 3) and set(np.unique(small)) == {100}


def test_the_last_row_is_full_where_that_is_possible() -> None:
    assert [columns_for(count) for count in (0, 1, 3, 5, 6, 24, 32, 64)] == [1, 1, 3, 3, 3, 6, 8, 8]


def test_a_name_loses_its_beginning_and_the_number_before_it_stays() -> None:
    def strip(name: str) -> np.ndarray:
        tile = SheetCell((plain(4, 4, (255, 0, 0)),), "0.204", name)
        return contact_sheet([Row([tile])], 90)[-20:]

    long = strip("a/folder/with/a/long/name/25.png")
    assert not np.array_equal(long, strip("a/folder/with/a/long/name/26.png"))  # its end is there
    assert np.array_equal(long, strip("b/folder/with/a/long/name/25.png"))
    assert (long[:, -4:] == 255).all()
