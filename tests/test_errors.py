from __future__ import annotations

from brightfield.errors import AmbiguousAxes, TruncatedImage


def test_a_fault_about_a_further_image_names_it_and_leaves_the_other_as_it_is() -> None:
    fault = TruncatedImage("The file ends early.", errors=[{"location": "x"}], retry_after=2)
    about = fault.about("reference")
    assert (type(about), str(about), about.detail) == (
        TruncatedImage, "`reference`: The file ends early.", "`reference`: The file ends early.",
    )  # fmt: skip
    assert (about.errors, about.retry_after) == (fault.errors, 2)
    assert (str(fault), fault.detail) == ("The file ends early.", "The file ends early.")


def test_what_a_kind_of_fault_has_of_its_own_stays() -> None:
    fault = AmbiguousAxes("Which plane?", missing={"z": 3})
    assert fault.about("reference").missing == {"z": 3}
