"""Inception score, Fréchet distance, kernel distance, precision and recall, computed by torch-fidelity.

torch-fidelity gets features instead of images, and the extractor that is registered there is the identity. So each
image passes through the extractor once for all metrics.
"""

from __future__ import annotations

import functools
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import Dataset

from ganzoo.evaluation.extractors import Features
from ganzoo.util.errors import GanzooError
from ganzoo.util.optional import needs

MIN_SAMPLES = 20


class Rows(Dataset[Tensor]):
    """Rows of features and logits, in place of images."""

    def __init__(self, features: Features) -> None:
        self.rows = torch.cat([torch.from_numpy(each) for each in features], dim=1)

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> Tensor:
        return self.rows[index]


def fidelity(generated: Features, real: Features) -> dict[str, float]:
    """Metrics of generated images against real ones, computed by torch-fidelity on the CPU and in this process.

    Returns:
        ``frechet``: Fréchet distance ``|m - m'|² + tr(C + C' - 2 (C C')^(1/2))`` of Gaussians fitted to the features
        (Heusel et al., 2017), at least 0, biased upwards for few samples; ``kernel``: kernel distance, the unbiased
        squared MMD of the features with the kernel (x.y/d + 1)³, mean over 100 subsets of 1,000 (Bińkowski et al.,
        2018), about 0 for equal distributions, may be negative; ``inception_score``: ``exp E KL(p(y|x) || p(y))``, mean
        over 10 splits (Salimans et al., 2016), in 1..number of classes; ``precision``: share of generated samples
        inside the balls around real samples that reach to their 3rd nearest neighbour; ``recall``: share of real
        samples inside the balls around generated samples (Kynkäänniemi et al., 2019).

    Raises:
        GanzooError: there are fewer than 20 samples, or torch-fidelity is not installed.
    """
    if (count := min(len(generated.features), len(real.features))) < MIN_SAMPLES:
        raise GanzooError(f"{count} samples are too few; evaluate at least {MIN_SAMPLES}, better 10,000")
    found = _calculate(
        generated, real, isc=True, fid=True, kid=True, prc=True, kid_subset_size=min(1000, count), prc_batch_size=2000
    )
    return {
        "frechet": found["frechet_inception_distance"],
        "kernel": found["kernel_inception_distance_mean"],
        "inception_score": found["inception_score_mean"],
        "precision": found["precision"],
        "recall": found["recall"],
    }


def frechet_distance(generated: Features, real: Features) -> float:
    """The Fréchet distance alone; see :func:`fidelity`."""
    return _calculate(generated, real, fid=True)["frechet_inception_distance"]


def require_torch_fidelity() -> None:
    """Raise GanzooError if torch-fidelity is not installed."""
    with needs("eval"):
        import torch_fidelity  # noqa: F401


def _calculate(generated: Features, real: Features, **metrics: Any) -> dict[str, float]:
    require_torch_fidelity()
    import torch_fidelity

    found: dict[str, float] = torch_fidelity.calculate_metrics(
        input1=Rows(generated),  # the generated samples, for precision and recall
        input2=Rows(real),
        feature_extractor=_identity(generated.features.shape[1]),
        batch_size=1000,
        cuda=False,
        save_cpu_ram=True,
        cache=False,
        verbose=False,
        **metrics,
    )
    return found


@functools.cache
def _identity(width: int) -> str:
    """The name of an extractor of torch-fidelity that splits rows into ``width`` features and the logits."""
    from torch_fidelity import FeatureExtractorBase, register_feature_extractor

    class Identity(FeatureExtractorBase):  # type: ignore[misc]
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
    register_feature_extractor(name, Identity)
    return name
