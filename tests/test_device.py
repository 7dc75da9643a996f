from __future__ import annotations

import pytest
import torch

from ganzoo.device import Randomness, choose, prepare
from ganzoo.spec import GanzooError

CPU = torch.device("cpu")


def test_an_unknown_device_names_those_that_are_there() -> None:
    with pytest.raises(GanzooError, match=r"device 'tpu' is not available here; available: auto, .*cpu"):
        choose("tpu")


@pytest.mark.parametrize(("precision", "bf16"), [("fp32", False), ("bf16", True)])
def test_precision_is_what_matrix_products_are_done_in(precision: str, bf16: bool) -> None:
    device = choose("cpu", precision)
    assert device.precision == precision
    with device.autocast():
        assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype == (torch.bfloat16 if bf16 else torch.float32)


def test_a_stream_is_apart_from_the_random_numbers_of_the_process() -> None:
    one, other = Randomness(5, CPU), Randomness(5, CPU)
    torch.manual_seed(0)
    expected = [torch.rand(3) for _ in range(2)]
    torch.manual_seed(0)
    for outside in expected:
        with one.stream():
            ours = torch.rand(2)
        with other.stream():
            assert torch.equal(torch.rand(2), ours)
        assert torch.equal(torch.rand(3), outside)


def test_a_failure_within_a_stream_gives_the_process_its_random_numbers_back() -> None:
    torch.manual_seed(0)
    before = torch.get_rng_state()
    with pytest.raises(ValueError, match="inside"), Randomness(5, CPU).stream():
        torch.rand(1)
        raise ValueError("inside")
    assert torch.equal(torch.get_rng_state(), before)


def test_a_stream_goes_on_from_its_state() -> None:
    one, other = Randomness(5, CPU), Randomness(6, CPU)
    with one.stream():
        torch.rand(7)
    other.load(one.state(), "x")
    with one.stream():
        ours = torch.rand(2)
    with other.stream():
        assert torch.equal(torch.rand(2), ours)


def test_the_state_of_another_kind_of_device_is_refused() -> None:
    with pytest.raises(GanzooError, match="x holds no random state for the device 'cpu'"):
        Randomness(5, CPU).load({"0": torch.get_rng_state(), "1": torch.get_rng_state()}, "x")


def test_the_threads_are_as_many_as_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    monkeypatch.setattr(torch, "set_num_threads", asked.append)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    prepare()
    assert asked == [], "OMP_NUM_THREADS has the last word"
    prepare(threads=3)
    monkeypatch.delenv("OMP_NUM_THREADS")
    prepare()
    assert asked[0] == 3
    assert asked[1] >= 1
