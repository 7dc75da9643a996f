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
        ("train simple --iterations 1_0", "'1_0' is not a valid number; write it in the digits 0 to 9"),
        ("train simple --lr 1_0e-4", "'1_0e-4' is not a valid number"),
        ("train simple --set lr=1_0", "is not a number above 0"),
        ("sample simple -n \u0661\u0662", "'\u0661\u0662' is not a valid number"),
        ("train simple --set iterations=\uff11", "is not a whole number"),
        ("sample simple --interpolate 1_0 3", "'1_0' is not a valid number"),
        ("stability dirac --gan simple --lr 0_1", "'0_1' is not a valid number"),
        ("stability dirac --gan simple --steps 1_000", "'1_000' is not a valid number"),
        (
            "train simple --data ring8 --dry-run --set pixel_range=unit",
            "'pixel_range' changes nothing: ring8 holds vectors",
        ),
        (
            "train simple --dry-run --set parent_training=first",
            "simple has no parent, so 'parent_training' changes nothing",
        ),
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
