"""Inception score, Fréchet and kernel distances, precision and recall, by torch-fidelity.

torch-fidelity is given features instead of images: the extractor registered there only passes them on. So each image
goes through the real extractor once, whatever is computed of it.
"""

from __future__ import annotations

import functools
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.utils.data import Dataset

from ganzoo.evaluation.extractors import Seen
from ganzoo.util.errors import GanzooError
from ganzoo.util.optional import needs

LEAST = 20  # samples of which anything can be said


class Fidelity(NamedTuple):
    """Scores of generated images against real ones.

    Attributes:
        inception_score: exp E KL(p(y|x) || p(y)) over 10 splits (Salimans et al., 2016); at most the number of classes.
        frechet: distance of two Gaussians fitted to the features (Heusel et al., 2017); biased upwards for few samples.
        kernel: unbiased squared MMD of the features under (x.y/d + 1)^3 (Bińkowski et al., 2018), mean over 100
            subsets of 1,000; may be slightly negative.
        kernel_sd: standard deviation over the subsets.
        precision: share of generated samples among the real ones' balls of 3 neighbours (Kynkäänniemi et al., 2019).
        recall: the same with the roles swapped.
    """

    inception_score: float
    frechet: float
    kernel: float
    kernel_sd: float
    precision: float
    recall: float


class Rows(Dataset[Tensor]):
    """Features and logits side by side, as the images that torch-fidelity sees."""

    def __init__(self, seen: Seen) -> None:
        self.rows = torch.cat([torch.from_numpy(seen.features), torch.from_numpy(seen.logits)], dim=1)

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> Tensor:
        return self.rows[index]


def fidelity(generated: Seen, real: Seen) -> Fidelity:
    """All scores of torch-fidelity, on the CPU and in this process.

    Raises:
        GanzooError: there are fewer than 20 samples, or torch-fidelity is not installed.
    """
    if (count := min(len(generated.features), len(real.features))) < LEAST:
        raise GanzooError(f"{count} samples tell nothing; evaluate at least {LEAST}, better 10,000")
    found = _calculated(
        generated, real, isc=True, fid=True, kid=True, prc=True, kid_subset_size=min(1000, count), prc_batch_size=2000
    )
    return Fidelity(
        found["inception_score_mean"],
        found["frechet_inception_distance"],
        found["kernel_inception_distance_mean"],
        found["kernel_inception_distance_std"],
        found["precision"],
        found["recall"],
    )


def frechet(generated: Seen, real: Seen) -> float:
    """The Fréchet distance alone."""
    return _calculated(generated, real, fid=True)["frechet_inception_distance"]


def available() -> None:
    """Raise GanzooError where torch-fidelity is not installed."""
    with needs("eval"):
        import torch_fidelity  # noqa: F401


def _calculated(generated: Seen, real: Seen, **wanted: Any) -> dict[str, float]:
    available()
    import torch_fidelity

    found: dict[str, float] = torch_fidelity.calculate_metrics(
        input1=Rows(generated),  # precision and recall take the first for the generated ones
        input2=Rows(real),
        feature_extractor=_registered(generated.features.shape[1]),
        batch_size=1000,
        cuda=False,
        save_cpu_ram=True,
        cache=False,
        verbose=False,
        **wanted,
    )
    return found


@functools.cache
def _registered(width: int) -> str:
    """The name under which torch-fidelity knows rows of ``width`` features and then logits."""
    from torch_fidelity import FeatureExtractorBase, register_feature_extractor

    class Passing(FeatureExtractorBase):  # type: ignore[misc]
        def __init__(self, name: str, features_list: list[str], **_: Any) -> None:
            super().__init__(name, features_list)

        @staticmethod
        def get_provided_features_list() -> tuple[str, ...]:
            return ("features", "logits")

        @staticmethod
        def get_default_feature_layer_for_metric(metric: str) -> str:
            return "logits" if metric == "isc" else "features"

        @staticmethod
        def can_be_compiled() -> bool:
            return False

        def forward(self, rows: Tensor) -> tuple[Tensor, ...]:
            parts = {"features": rows[:, :width], "logits": rows[:, width:]}
            return tuple(parts[name] for name in self.features_list)

    name = f"ganzoo-features-{width}"
    register_feature_extractor(name, Passing)
    return name
