from __future__ import annotations

import weakref
from collections.abc import Callable

import pytest

from brightfield.models.inspection.layers import Tap
from brightfield.runtime.batch_sizes import BatchSizes
from brightfield.runtime.features import Features
from brightfield.runtime.layer_layouts import LayerLayouts
from brightfield.runtime.operations import Activations, Gradients, Operation
from brightfield.runtime.relevance_pass import RelevancePass

SHAPE = (3, 224, 224)


def measured(*seconds: float) -> BatchSizes:
    """Batches of 1, 2, 4, ... images that took so long."""
    sizes = BatchSizes()
    for power, value in enumerate(seconds):
        sizes.observe("forward", SHAPE, 2**power, value)
    return sizes


def test_the_cheapest_per_row_wins_not_the_largest() -> None:
    assert measured(1.0, 1.4, 2.0, 5.0).best("forward", SHAPE) == 4


def test_a_larger_batch_must_be_clearly_cheaper() -> None:
    assert measured(1.0, 1.99, 3.97, 8.0).best("forward", SHAPE) == 1


def test_while_the_largest_is_the_best_the_next_is_tried() -> None:
    assert measured(1.0, 1.1, 1.2, 1.3).best("forward", SHAPE) == 16


def test_traffic_refines_what_warm_up_found() -> None:
    sizes = measured(1.0, 1.2, 1.6, 8.0)
    assert sizes.best("forward", SHAPE) == 4
    for _ in range(50):
        sizes.observe("forward", SHAPE, 4, 6.0)
    assert sizes.best("forward", SHAPE) == 2


def test_neighbours_are_tried_again_so_that_a_bad_start_is_forgotten() -> None:
    sizes = measured(1.0, 1.4, 9.0, 20.0)  # something else ran when 4 was measured
    true = {1: 1.0, 2: 1.4, 4: 2.0, 8: 5.0}
    for _ in range(200):
        chosen = sizes.best("forward", SHAPE)
        sizes.observe("forward", SHAPE, chosen, true[chosen])
    assert sizes.best("forward", SHAPE) == 4


def test_sizes_between_powers_of_two_teach_nothing() -> None:
    sizes = measured(1.0, 1.2)
    sizes.observe("forward", SHAPE, 3, 1e-6)
    assert sizes.measured() == {"forward 3x224x224": {1: 1.0, 2: 1.2}}


def test_memory_that_ran_out_bounds_the_size_for_good() -> None:
    sizes = measured(1.0, 1.1, 1.2, 1.3)
    sizes.halve("forward", SHAPE, 4)
    assert sizes.best("forward", SHAPE) == 2
    sizes.halve("forward", SHAPE, 1)
    assert sizes.best("forward", SHAPE) == 1


def test_operations_and_shapes_are_told_apart() -> None:
    sizes = measured(1.0, 1.4, 2.0, 5.0)
    sizes.halve("gradients", SHAPE, 2)
    assert sizes.best("gradients", SHAPE) == 1
    assert sizes.best("forward", SHAPE) == 4


def test_large_images_start_with_small_batches() -> None:
    assert BatchSizes().best("forward", (3, 4096, 4096)) == 1
    assert BatchSizes().seconds_per_row("forward", SHAPE) is None


def test_what_was_measured_before_is_where_the_next_process_begins() -> None:
    before = measured(1.0, 1.4, 2.0, 9.0)
    after = BatchSizes()
    after.recall(before.measured())
    assert after.compared("forward", SHAPE)
    assert after.best("forward", SHAPE) == 4
    for _ in range(16):  # this machine is slower with four
        after.observe("forward", SHAPE, 4, 4.0)
    assert after.best("forward", SHAPE) == 2


def test_images_of_ever_new_sizes_are_forgotten_and_the_usual_one_is_not() -> None:
    sizes = measured(1.0, 1.4, 2.0, 5.0)
    for side in range(1, 2000):
        sizes.observe("forward", (3, side, side), 1, 1.0)
        sizes.best("forward", SHAPE)
    assert len(sizes.measured()) <= 256
    assert sizes.measured()["forward 3x224x224"] == {1: 1.0, 2: 1.4, 4: 2.0, 8: 5.0}


def test_an_operation_that_is_not_used_is_let_go() -> None:
    class Operation:
        pass

    sizes, operation = BatchSizes(), Operation()
    sizes.observe(operation, (3, 8, 8), 1, 0.1)
    sizes.observe("another", (3, 8, 8), 1, 0.1)
    gone = weakref.ref(operation)
    sizes.forget(operation)
    del operation
    assert gone() is None and sizes.seconds_per_row("another", (3, 8, 8)) == 0.1


LAYER = Tap("features")


@pytest.mark.parametrize(
    "made",
    [
        lambda layouts: Activations(LAYER, layouts),
        lambda layouts: Gradients(LAYER, layouts=layouts),
        lambda layouts: Features(LAYER, layouts),
        lambda layouts: RelevancePass(layouts=layouts),
    ],
)
def test_what_an_operation_costs_is_found_again_by_the_next_process(
    made: Callable[[LayerLayouts], Operation],
) -> None:
    before, after, operation = BatchSizes(), BatchSizes(), made(LayerLayouts())
    for rows, seconds in ((1, 1.0), (2, 1.4), (4, 2.0), (8, 5.0)):
        before.observe(operation, SHAPE, rows, seconds)
    after.recall(before.measured())
    assert after.best(made(LayerLayouts()), SHAPE) == 4
