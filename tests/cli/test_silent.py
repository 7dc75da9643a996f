"""Options that would be ignored, or that no comparison notices, are refused; misfits name the cure."""

from __future__ import annotations

from collections.abc import Callable

import pytest

Text = Callable[[str], str]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("export simple --fp16 --int8", "--fp16 and --int8 are two precisions of one file"),
        ("stability dirac --gan simple --lr nan", "nan is not a finite number"),
        ("stability dirac --gan simple --lr inf", "inf is not a finite number"),
        ("stability sweep simple --data ring8 --bound nan", "nan is not a finite number"),
        ("train simple --lr nan", "lr=nan is not a number above 0"),
        ("train simple --epochs inf", "--epochs inf is out of range"),
        ("train simple --batch-size 1 --iterations 1", "batch normalisation needs batches of at least two samples"),
        ("train cgan --discriminator packed-dense --iterations 1", "a packed discriminator takes no labels"),
        (
            "train privileged-v2 --discriminator packed-dense --set parent_training=joint --iterations 1",
            "choose one without packing",
        ),
        ("train pacgan --data ring8 --set packing=200 --iterations 1", "packing=200 needs batches of at least as many"),
    ],
)
def test_what_would_be_ignored_or_does_not_fit_is_one_line(refused: Text, line: str, message: str) -> None:
    assert message in refused(line)
