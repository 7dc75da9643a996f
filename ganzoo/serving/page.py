"""The page of the service, on which a person looks at its images."""

from __future__ import annotations

from typing import Any

from ganzoo.generators.base import TrainedGenerator
from ganzoo.pages.html import json_for_script, read_package_text, render_page


def page(model: TrainedGenerator, version: str) -> str:
    """The page, as HTML. Its policy allows one script, and images of the same server or inline.

    Args:
        model: the generator.
        version: changes whenever its images do.
    """
    metadata = model.metadata
    facts: dict[str, Any] = {
        "version": version,
        "shape": metadata.shape,
        "classes": [model.class_name(label) for label in range(metadata.num_classes)],
        "settings": {name: setting.default for name, setting in model.sampling_settings.items()},
    }
    script = read_package_text(__package__, "page.js")
    title = f"{metadata.gan} · {metadata.data.name}"
    return render_page(__package__, title, script, {"facts": json_for_script(facts)}, img_src="'self' data:")
